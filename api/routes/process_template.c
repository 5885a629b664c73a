/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_template.c - what can be set for a run that is a process on the worker's
 * host.
 */
#include "api/routes/process_template.h"

#define NULL_OR(type) "\"anyOf\":[{" type "},{\"type\":\"null\"}],\"default\":null"
#define TEXT          NULL_OR("\"type\":\"string\"")
#define PATH          NULL_OR("\"type\":\"string\",\"format\":\"path\"")

/* clang-format off */
const char process_template[] =
    "{\"job_configuration\":{\"command\":\"{{ command }}\",\"env\":\"{{ env }}\","
    "\"labels\":\"{{ labels }}\",\"name\":\"{{ name }}\","
    "\"stream_output\":\"{{ stream_output }}\",\"working_dir\":\"{{ working_dir }}\"},"
    "\"variables\":{\"type\":\"object\",\"properties\":{"
    "\"name\":{\"title\":\"Name\","
    "\"description\":\"What the process is called.\"," TEXT "},"
    "\"env\":{\"title\":\"Environment Variables\",\"type\":\"object\","
    "\"description\":\"Variables that the process of the flow run gets in addition.\","
    "\"additionalProperties\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}},"
    "\"labels\":{\"title\":\"Labels\",\"type\":\"object\","
    "\"description\":\"Labels that the worker puts on what it starts.\","
    "\"additionalProperties\":{\"type\":\"string\"}},"
    "\"command\":{\"title\":\"Command\","
    "\"description\":\"The command that runs the flow; normally empty, the worker knows "
    "it.\"," TEXT "},"
    "\"stream_output\":{\"title\":\"Stream Output\",\"type\":\"boolean\",\"default\":true,"
    "\"description\":\"Copy the output of the process to that of the worker.\"},"
    "\"working_dir\":{\"title\":\"Working Directory\","
    "\"description\":\"The folder in which the process runs; a temporary one when "
    "empty.\"," PATH "}}}}";
/* clang-format on */
