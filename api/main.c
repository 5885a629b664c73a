/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - wf-api.
 */
#include "api/server/server.h"

int main(int argc, char **argv)
{
	return server_main(argc, argv);
}
