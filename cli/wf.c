/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wf.c - the program wf.
 */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
