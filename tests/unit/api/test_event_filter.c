/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_event_filter.c - event and log filters, text queries, the check of events.
 */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>

#include "api/events/event_check.h"
#include "api/events/filter.h"
#include "api/events/log_filter.h"
#include "api/events/text_query.h"
#include "api/http/http.h"
#include "base/compiler.h"
#include "base/timefmt.h"

/* JSON with ' for ", so that the tables stay readable. */
static json_t *quoted(const char *text)
{
	char *copy = strdup(text), *c;
	json_t *v;

	for (c = copy; *c != '\0'; c++) {
		*c = *c == '\'' ? '"' : *c;
	}
	v = json_loads(copy, JSON_DECODE_ANY, NULL);
	cr_assert_not_null(v, "%s", text);
	free(copy);
	return v;
}

#define ID "01a20180-559e-7833-bc39-09befbbccab3"
#define T0 1785585600000000 /* 2026-08-01T12:00:00Z */

static const char event_text[] =
    "{'id':'" ID
    "','event':'prefect.flow-run.Running','occurred':'2026-08-01T12:00:00Z',"
    "'resource':{'prefect.resource.id':'prefect.flow-run.1','prefect.resource.name':'"
    "Red-Fox',"
    "'prefect.state-type':'RUNNING'},"
    "'related':[{'prefect.resource.id':'prefect.work-pool.9','prefect.resource.role':"
    "'work-pool','prefect.resource.name':'pool'},"
    "{'prefect.resource.id':'prefect.tag.x','prefect.resource.role':'tag'}],"
    "'payload':{'why':'Because'}}";

struct filter_case {
	const char *filter;
	int matches;
};

static const struct filter_case cases[] = {
    {"{}", 1},
    {"null", 1},
    {"{'event':null,'resource':null,'related':null,'any_resource':null,'text':null}",
     1},
    {"{'occurred':{'since':'2026-08-01T12:00:00Z','until':'2026-08-01T12:00:00Z'}}", 1},
    {"{'occurred':{'since':'2026-08-01T12:00:00.000001Z'}}", 0},
    {"{'occurred':{'until':'2026-08-01T11:59:59Z'}}", 0},
    {"{'event':{'prefix':['prefect.flow-run.']}}", 1},
    {"{'event':{'prefix':['x','prefect.']}}", 1},
    {"{'event':{'prefix':['x']}}", 0},
    {"{'event':{'prefix':[],'name':[]}}", 1},
    {"{'event':{'exclude_prefix':['prefect.flow-run.']}}", 0},
    {"{'event':{'exclude_prefix':['x']}}", 1},
    {"{'event':{'name':['prefect.flow-run.Running']}}", 1},
    {"{'event':{'name':['prefect.flow-run.*']}}", 0},
    {"{'event':{'name':['a'],'prefix':['prefect.']}}", 0},
    {"{'event':{'exclude_name':['prefect.flow-run.Running']}}", 0},
    {"{'id':{'id':[]}}", 1},
    {"{'id':{'id':['01A20180559E7833BC3909BEFBBCCAB3']}}", 1},
    {"{'id':{'id':['00000000-0000-4000-8000-000000000000']}}", 0},
    {"{'resource':{'id':['prefect.flow-run.1']}}", 1},
    {"{'resource':{'id':['prefect.flow-run.2']}}", 0},
    {"{'resource':{'id_prefix':['prefect.flow-run.']}}", 1},
    {"{'resource':{'id_prefix':['prefect.task']}}", 0},
    {"{'resource':{'labels':{'prefect.state-type':'RUNNING'}}}", 1},
    {"{'resource':{'labels':{'prefect.state-type':['FAILED','RUN*']}}}", 1},
    {"{'resource':{'labels':{'prefect.state-type':'!RUNNING'}}}", 0},
    {"{'resource':{'labels':{'prefect.state-type':'!FAILED'}}}", 1},
    {"{'resource':{'labels':{'prefect.state-type':'!R*'}}}", 0},
    {"{'resource':{'labels':{'nosuch':'!x'}}}", 0},
    {"{'resource':{'labels':{'prefect.state-type':[]}}}", 0},
    {"{'resource':{'labels':{'prefect.resource.id':'prefect.flow-run.*'}}}", 1},
    {"{'related':{'id':['prefect.work-pool.9']}}", 1},
    {"{'related':{'id':['prefect.flow-run.1']}}", 0},
    {"{'related':{'role':['tag','x']}}", 1},
    {"{'related':{'role':['flow']}}", 0},
    {"{'related':{'id':['prefect.work-pool.9'],'role':['tag']}}", 0},
    {"{'related':[{'role':['tag']},{'role':['work-pool']}]}", 1},
    {"{'related':[{'role':['tag']},{'role':['flow']}]}", 0},
    {"{'related':[]}", 1},
    {"{'related':{'resources_in_roles':[['prefect.tag.x','tag']]}}", 1},
    {"{'related':{'resources_in_roles':[['prefect.tag.x','work-pool']]}}", 0},
    {"{'related':{'labels':{'prefect.resource.name':'p*l'}}}", 0},
    {"{'related':{'labels':{'prefect.resource.name':'po*'}}}", 1},
    {"{'any_resource':{'id':['prefect.flow-run.1']}}", 1},
    {"{'any_resource':{'id':['prefect.work-pool.9']}}", 1},
    {"{'any_resource':{'id':['prefect.work-pool.8']}}", 0},
    {"{'any_resource':[{'id':['prefect.flow-run.1']},{'id_prefix':['prefect.tag.']}]}",
     1},
    {"{'any_resource':{'labels':{'prefect.resource.role':'tag'}}}", 1},
    {"{'text':{'query':'red-fox'}}", 1},
    {"{'text':{'query':'nosuch because'}}", 1},
    {"{'text':{'query':'-because'}}", 0},
    {"{'text':{'query':'+pool +nosuch'}}", 0},
    {"{'text':{'query':'  '}}", 1},
};

Test(event_filter, matches)
{
	json_t *event = quoted(event_text);
	size_t i;

	for (i = 0; i < ARRAY_LEN(cases); i++) {
		struct http_invalid *v = http_invalid_new();
		json_t *obj = quoted(cases[i].filter);
		struct event_filter f;
		char what[256];

		if (event_filter_decode(&f, obj, "filter", v) > 0) {
			http_invalid_describe(v, what, sizeof(what));
			cr_expect_fail("%s: %s", cases[i].filter, what);
		} else {
			cr_expect_eq(event_filter_matches(&f, event, T0),
				     cases[i].matches, "%s", cases[i].filter);
		}
		event_filter_release(&f);
		json_decref(obj);
		http_invalid_free(v);
	}
	json_decref(event);
}

static const char *const bad_filters[] = {
    "[]",
    "{'nosuch':1}",
    "{'event':5}",
    "{'event':{'name':'x'}}",
    "{'event':{'name':[1]}}",
    "{'occurred':null}",
    "{'occurred':{'since':'yesterday'}}",
    "{'id':{'id':['x']}}",
    "{'resource':{'labels':{'a':1}}}",
    "{'resource':{'labels':{'a':[1]}}}",
    "{'resource':{'role':['x']}}",
    "{'related':{'resources_in_roles':[['a']]}}",
    "{'related':5}",
    "{'any_resource':[5]}",
    "{'text':{}}",
    "{'order':'UP'}",
};

Test(event_filter, refuses)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad_filters); i++) {
		struct http_invalid *v = http_invalid_new();
		json_t *obj = quoted(bad_filters[i]);
		struct event_filter f;

		cr_expect_gt(event_filter_decode(&f, obj, "filter", v), 0, "%s",
			     bad_filters[i]);
		event_filter_release(&f);
		json_decref(obj);
		http_invalid_free(v);
	}
}

Test(event_filter, order_and_distinct)
{
	struct http_invalid *v = http_invalid_new();
	json_t *obj = quoted("{'order':'ASC','resource':{'distinct':true}}");
	struct event_filter f;

	cr_assert_eq(event_filter_decode(&f, obj, "", v), 0);
	cr_expect(f.ascending && f.distinct);
	event_filter_release(&f);
	json_decref(obj);
	http_invalid_free(v);
}

static const struct {
	const char *query, *text;
	int matches;
} texts[] = {
    {"", "anything", 1},
    {"a b", "xbx", 1},
    {"a b", "xyz", 0},
    {"+a +b", "ab", 1},
    {"+a +b", "a", 0},
    {"a -b", "ab", 0},
    {"a !b", "ac", 1},
    {"\"a b\"", "xa bx", 1},
    {"\"a b\"", "ab", 0},
    {"-\"a b\" c", "c a b", 0},
    {"- a", "a", 1},
    {"+", "x", 1},
    {"\"say \\\"hi\\\"\"", "he: say \"hi\"", 1},
    {"ERROR", "an error", 1},
    {"\xc3\x84RGER", "\xc3\xa4rger", 1},
    {"\xd0\x9f\xd0\xa0", "\xd0\xbf\xd1\x80", 1},
    {"\"", "x", 1},
    {"\"open", "open", 1},
};

Test(text_query, matches)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(texts); i++) {
		struct text_query q;

		text_query_parse(&q, texts[i].query);
		cr_expect_eq(text_query_matches(&q, texts[i].text), texts[i].matches,
			     "%s in %s", texts[i].query, texts[i].text);
		text_query_release(&q);
	}
}

static const char log_text[] =
    "{'level':30,'timestamp':'2026-08-01T12:00:00Z','flow_run_id':'" ID
    "','task_run_id':null,'name':'prefect.flow_runs','message':'Slow Query'}";

static const struct filter_case log_cases[] = {
    {"{}", 1},
    {"{'operator':'and_','level':{'ge_':40,'le_':null},'timestamp':null,'flow_run_id':"
     "null,"
     "'task_run_id':null,'text':null}",
     0},
    {"{'level':{'ge_':20,'le_':30}}", 1},
    {"{'level':{'le_':20}}", 0},
    {"{'timestamp':{'after_':'2026-08-01T12:00:00Z'}}", 1},
    {"{'timestamp':{'before_':'2026-08-01T11:00:00Z'}}", 0},
    {"{'flow_run_id':{'any_':['" ID "']}}", 1},
    {"{'flow_run_id':{'any_':[]}}", 0},
    {"{'flow_run_id':{'any_':null}}", 1},
    {"{'task_run_id':{'any_':['" ID "']}}", 0},
    {"{'task_run_id':{'is_null_':true}}", 1},
    {"{'task_run_id':{'is_null_':false}}", 0},
    {"{'text':{'query':'slow'}}", 1},
    {"{'text':{'query':'flow_runs'}}", 1},
    {"{'text':{'query':'-query'}}", 0},
    {"{'operator':'or_','level':{'ge_':40},'text':{'query':'slow'}}", 1},
    {"{'operator':'or_','level':{'ge_':40},'text':{'query':'fast'}}", 0},
};

Test(log_filter, matches)
{
	json_t *log = quoted(log_text);
	size_t i;

	for (i = 0; i < ARRAY_LEN(log_cases); i++) {
		struct http_invalid *v = http_invalid_new();
		json_t *obj = quoted(log_cases[i].filter);
		struct log_filter f;

		cr_expect_eq(log_filter_decode(&f, obj, "filter", v), 0, "%s",
			     log_cases[i].filter);
		cr_expect_eq(log_filter_matches(&f, log), log_cases[i].matches, "%s",
			     log_cases[i].filter);
		log_filter_release(&f);
		json_decref(obj);
		http_invalid_free(v);
	}
	json_decref(log);
}

#define HEAD "'id':'" ID "','event':'e','occurred':'2026-08-01T12:00:00Z'"

static const struct {
	const char *event, *problem; /* NULL: good */
} events[] = {
    {event_text, NULL},
    {"{" HEAD ",'resource':{'prefect.resource.id':'r'}}", NULL},
    {"{" HEAD ",'resource':{'prefect.resource.id':'r'},'follows':null,'received':'x'}",
     NULL},
    {"{}", "Field required at occurred"},
    {"5", "Input should be a valid dictionary or object to extract fields from"},
    {"{" HEAD ",'resource':{}}",
     "Value error, Resources must include the prefect.resource.id label at resource"},
    {"{" HEAD ",'resource':{'prefect.resource.id':1}}",
     "Input should be a valid string at resource.prefect.resource.id"},
    {"{" HEAD
     ",'resource':{'prefect.resource.id':'r'},'related':[{'prefect.resource.id':'q'}"
     "]}",
     "Value error, Related Resources must include the prefect.resource.role label at "
     "related.0"},
    {"{" HEAD ",'resource':{'prefect.resource.id':'r'},'related':[5]}",
     "Input should be a valid dictionary at related.0"},
    {"{" HEAD ",'resource':{'prefect.resource.id':'r'},'payload':null}",
     "Input should be a valid dictionary at payload"},
};

Test(event_check, problems)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(events); i++) {
		struct http_invalid *v = http_invalid_new();
		json_t *event = quoted(events[i].event);
		size_t n = event_check(event, "", v);
		char got[256] = "";

		if (n > 0) {
			http_invalid_describe(v, got, sizeof(got));
		}
		cr_expect_eq(n > 0, events[i].problem != NULL, "%s: %s",
			     events[i].event, got);
		if (events[i].problem != NULL) {
			cr_expect_str_eq(got, events[i].problem);
		}
		json_decref(event);
		http_invalid_free(v);
	}
}
