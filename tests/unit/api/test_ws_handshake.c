/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ws_handshake.c - the pure parts of the WebSocket upgrade.
 */
#include <criterion/criterion.h>

#include "api/http/ws_priv.h"

Test(ws_handshake, accept_key_of_the_standard)
{
	char accept[WS_ACCEPT_SIZE];

	ws_accept_key("dGhlIHNhbXBsZSBub25jZQ==", accept);
	cr_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

Test(ws_handshake, tokens_of_a_list)
{
	cr_expect(ws_has_token("Upgrade", "upgrade"));
	cr_expect(ws_has_token("keep-alive, Upgrade", "upgrade"));
	cr_expect(ws_has_token(" a ,\tb , c", "b"));
	cr_expect_not(ws_has_token("upgrades", "upgrade"));
	cr_expect_not(ws_has_token("up grade", "upgrade"));
	cr_expect_not(ws_has_token("", "upgrade"));
	cr_expect_not(ws_has_token(NULL, "upgrade"));
	cr_expect_not(ws_has_token(",,,", "upgrade"));
}
