/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_log.c - log lines and the trace ring, written into a memory file.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

static int fd = -1;
static char out[65536];

static void start(enum log_level level, enum log_format format)
{
	fd = memfd_create("log", MFD_CLOEXEC);
	cr_assert_geq(fd, 0);
	log_init("wf-test", level, format, fd);
}

static const char *written(void)
{
	ssize_t n = pread(fd, out, sizeof(out) - 1, 0);

	cr_assert_geq(n, 0);
	out[n] = '\0';
	return out;
}

Test(log, text_has_a_short_time_level_and_program)
{
	int h, m, s, ms, used = 0;

	start(LOG_LVL_INFO, LOG_FMT_TEXT);
	log_info("listening on %d", 4200);
	cr_assert_eq(sscanf(written(), "%2d:%2d:%2d.%3d %n", &h, &m, &s, &ms, &used),
		     4);
	cr_assert_str_eq(out + used, "info  wf-test: listening on 4200\n");
}

Test(log, levels_below_are_not_written)
{
	start(LOG_LVL_WARN, LOG_FMT_SYSLOG);
	log_info("a");
	log_debug("b");
	log_warn("c");
	log_error("d");
	cr_assert_str_eq(written(), "<4>wf-test: c\n<3>wf-test: d\n");
}

static int evaluated;

static const char *side_effect(void)
{
	evaluated++;
	return "x";
}

Test(log, debug_arguments_are_not_evaluated_when_off)
{
	start(LOG_LVL_INFO, LOG_FMT_SYSLOG);
	log_debug("%s", side_effect());
	slog_debug("run=1", "%s", side_effect());
	cr_assert_eq(evaluated, 0);
	log_set_level(LOG_LVL_DEBUG);
	slog_debug("run=1", "%s", side_effect());
	cr_assert_eq(evaluated, 1);
	cr_assert_str_eq(written(), "<7>wf-test: run=1 x\n");
}

Test(log, a_line_cannot_be_forged)
{
	start(LOG_LVL_INFO, LOG_FMT_SYSLOG);
	slog_info("run=a\nb", "name \"%s\"", "x\n<3>wf-test: y\x1b[2J\x7f\r\t");
	cr_assert_str_eq(written(), "<6>wf-test: run=a\\nb name "
				    "\"x\\n<3>wf-test: y\\x1b[2J\\x7f\\r\\t\"\n");
}

Test(log, json_lines_parse_and_keep_the_text)
{
	json_t *o;
	const char *text = "caf\xc3\xa9 \"q\" \\ line\nnext\x01";

	start(LOG_LVL_INFO, LOG_FMT_JSON);
	slog_warn("run=\"7\"", "%s", text);
	o = json_loads(written(), 0, NULL);
	cr_assert_not_null(o, "%s", out);
	cr_assert_str_eq(json_string_value(json_object_get(o, "level")), "warn");
	cr_assert_str_eq(json_string_value(json_object_get(o, "program")), "wf-test");
	cr_assert_str_eq(json_string_value(json_object_get(o, "who")), "run=\"7\"");
	cr_assert_str_eq(json_string_value(json_object_get(o, "msg")), text);
	cr_assert_eq(json_integer_value(json_object_get(o, "pid")), getpid());
	cr_assert_eq(strlen(json_string_value(json_object_get(o, "ts"))), 27);
	json_decref(o);
}

Test(log, bytes_that_are_no_text_become_visible)
{
	char dst[64];
	json_t *o;

	log_escape(dst, sizeof(dst), "a\xff\xc2\x85z", 5);
	cr_assert_str_eq(dst, "a\\xff\\x85z");
	start(LOG_LVL_INFO, LOG_FMT_JSON);
	log_info("a\xff"
		 "b");
	o = json_loads(written(), 0, NULL);
	cr_assert_str_eq(json_string_value(json_object_get(o, "msg")), "a\xef\xbf\xbd"
								       "b");
	json_decref(o);
}

Test(log, a_long_message_is_cut_and_says_so)
{
	char big[20000];
	const char *line;

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	start(LOG_LVL_INFO, LOG_FMT_SYSLOG);
	log_info("%s", big);
	memset(big, '\x01', sizeof(big) - 1); /* grows four times when escaped */
	log_info("%s", big);
	line = written();
	cr_assert_lt(strlen(line), 14000);
	line = strstr(line, " [cut]\n");
	cr_assert_not_null(line);
	cr_assert_not_null(strstr(line + 1, " [cut]\n"));
}

Test(log, escape_never_writes_beyond_the_end)
{
	char dst[8] = "zzzzzzz";

	cr_assert_eq(log_escape(dst, 4, "abcdef", 6), 3);
	cr_assert_str_eq(dst, "abc");
	cr_assert_eq(dst[4], 'z');
	cr_assert_eq(log_escape(dst, 4, "\x01", 1), 0); /* no half of an escape */
	cr_assert_eq(log_escape(dst, 0, "a", 1), 0);
}

Test(log, errno_is_preserved)
{
	start(LOG_LVL_INFO, LOG_FMT_TEXT);
	log_init("wf-test", LOG_LVL_INFO, LOG_FMT_TEXT, 9999); /* writes fail: EBADF */
	errno = ENOSPC;
	log_info("x");
	cr_assert_eq(errno, ENOSPC);
	trace("x");
	cr_assert_eq(errno, ENOSPC);
}

Test(log, level_names_are_parsed)
{
	enum log_level level = LOG_LVL_ERROR;

	cr_assert_eq(log_level_parse("DEBUG", &level), 0);
	cr_assert_eq(level, LOG_LVL_DEBUG);
	cr_assert_eq(log_level_parse("warning", &level), 0);
	cr_assert_eq(level, LOG_LVL_WARN);
	cr_assert_lt(log_level_parse("loud", &level), 0);
	cr_assert_eq(level, LOG_LVL_WARN);
}

/* What a terminal gets for one info line. */
static const char *on_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	ssize_t n;

	cr_assert(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	cr_assert_geq(slave, 0);
	log_init("wf-test", LOG_LVL_INFO, LOG_FMT_TEXT, slave);
	log_info("x");
	n = read(master, out, sizeof(out) - 1);
	cr_assert_gt(n, 0);
	out[n] = '\0';
	close(slave);
	close(master);
	return out;
}

Test(log, colour_is_for_terminals_without_no_color)
{
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	cr_assert_not_null(strstr(on_terminal(), "\033[32minfo \033[0m wf-test: x"));
	setenv("NO_COLOR", "", 1); /* empty is not set */
	cr_assert_not_null(strstr(on_terminal(), "\033["));
	setenv("NO_COLOR", "1", 1);
	cr_assert_null(strstr(on_terminal(), "\033["));
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	cr_assert_null(strstr(on_terminal(), "\033["));
	start(LOG_LVL_INFO, LOG_FMT_TEXT); /* a file */
	setenv("TERM", "xterm", 1);
	log_info("x");
	cr_assert_null(strstr(written(), "\033["));
}

Test(log, fatal_says_why_and_exits_with_the_status, .exit_code = 78)
{
	start(LOG_LVL_INFO, LOG_FMT_SYSLOG);
	fatal(78, "bad configuration");
}

Test(log, the_trace_ring_keeps_the_last_records_in_order)
{
	char *line;
	int i, n = 0;

	for (i = 0; i < 300; i++) {
		trace("record %d\n", i);
	}
	fd = memfd_create("trace", MFD_CLOEXEC);
	trace_dump(fd);
	written();
	cr_assert_null(strstr(out, "record 43\\n"));
	for (line = strtok(out, "\n"); line != NULL; line = strtok(NULL, "\n"), n++) {
		char want[32];

		(void)snprintf(want, sizeof(want), "record %d\\n", 44 + n);
		cr_assert_not_null(strstr(line, want), "%s", line);
	}
	cr_assert_eq(n, 256);
}

Test(log, starts_with_the_words_of_the_options_or_names_the_wrong_one)
{
	struct error err;

	cr_expect_eq(log_start("p", "info", "syslog", &err), 0);
	cr_expect_eq(log_start("p", "loud", "text", &err), -ERR_USAGE);
	cr_expect_not_null(strstr(err.msg, "--log-level"));
	cr_expect_eq(log_start("p", "info", "xml", &err), -ERR_USAGE);
	cr_expect_not_null(strstr(err.msg, "'xml'"));
}
