"""Where wf means to differ from the reference: (route, path, theirs, ours) patterns, each with the reason.

A pattern is searched in the text; "" is any. The first line that fits counts.
"""
import json
import re

from differ import same

LINES = [
    # route                      path                 theirs  ours   reason
    (r"set_state|resume", r"^status 201/200$", r"", r"terminal|COMPLETED|FAILED|CANCELLED|CRASHED", "the first terminal state wins unless forced"),
    (r"bulk_set_state", r"results", "", "", "the first terminal state wins unless forced"),
    (r"POST /task_runs/ ?$", r"^status 200/201$", "", r"flow_run_id..?: null", "task runs without a flow run are told apart by their ids"),
    (r"templates/validate", r"error\.message", "", "", "words of the template parser"),
    ("", r"^(detail|results\[\]\.error)$", "Invalid JSON", "Invalid JSON", "words of the JSON parser"),
    (r"leases/.*/renew", r"^status 204/410$", "", "", "a lease without limits is not kept (corrections 30)"),
    ("", r"max_scheduled_runs$", "^null$", r"^\d+$", "the reference forgets it when a schedule comes with its deployment"),
    (r"/queues|/work_queues", r"^detail$", "already exists", "already exists", "corrections 13"),
    ("", r"last_polled$", "", "", "a poll is noted before its answer, not some time after"),
    (r"/events/filter", r"^next_page$", "", "page-token", "tokens are the server's own"),
    (r"block_documents", r"name$", "anonymous", "anonymous", "names are made up"),
    (r"/events/filter", r"^next_page$", "http", "^null$", "a page of no rows has no next one"),
    (r"create_flow_run/bulk", r"error$", "has no attribute", "", "the reference fails; wf answers"),
    ("", r"^status \d+/422$", "", "too big integer", "integers have 64 bits"),
    ("", r"exception_detail", "", "json_invalid", "integers have 64 bits"),
    (r"work_queue_check", r"^\[#\]$", "", "", "queues that would take a run; the reference names those of all pools"),
    (r"/schedules ", r"^\[\]\.parameters\.", "absent", "", "a schedule that is switched on or off keeps its parameters"),
    (r"/flow_runs/.* 200|/flow_runs/(filter|paginate)", r"empirical_policy\.retry_type$", '^"in_process"$', "^null$", "a retry in the process ends when the run is scheduled anew: workers may take it"),
    (r"GET /work_queues/name", r"^status 200/404$", "work_pool_name", "not found", "a name alone means default-agent-pool, also when that is not there yet"),
    (r"v2/concurrency_limits/decrement", r"^status 409/200$", "", r'"limit": 0', "the reference divides by a limit of 0; slots of it can be given back"),
    (r"block_documents", r"^data\.|\[\]\.data\.", r'^"\*{8}"$', "", "what hides a value is never stored as one"),
    (r"block_documents", r"^(\[\]\.)?data\.(b\.)?d\.deep", r"^\{", r'^"\*{8}"$', "a secret object is hidden as a whole, members and all"),
    (r"block_documents", r"^(\[\]\.)?(data|block_document_references)\.b$", "absent", "", "a document keeps its references when it is merged with other data"),
    (r"GET /deployments", r"schedules\[\]\.parameters\.", "absent", "", "a schedule that is switched on or off keeps its parameters"),
    (r"block_(types|schemas)/filter", r"^\[#\]$", r"^\d\d+$", r"^\d+$", "built-in block types are fewer here"),
    (r"PUT /automations", r"^status 204/422$", "", "require must be less", "a trigger without a type is what its members say; the reference takes it for a sequence when it is no good compound"),
    (r"/deployments/ ?$", r"^status 422/201$", "not a valid json schema", "", "a schema that is none is told when it is used"),
    ("", r"global_concurrency_limit\.updated$", "", "", "a limit that is set to what it is has not changed"),
    ("", r"exception_detail\[#\]", r"^\d$", "", "how many problems the schedules, triggers and job variables of a body have"),
    (r"create_flow_run", r"^status 409/400$", "", "the template is no text", "a template that is no text is refused"),
    (r"/automations", r"actions(_on_trigger)?\[\]\.type$", "", '^"do-nothing"$', "an action without a type does nothing; the reference guesses by its members"),
    (r"POST /(work_pools/\{name\}/queues|work_queues/)", r"^priority$", r"^\d+$", r"^\d+$", "the first free priority; the reference miscounts where two queues share one"),
    ("", r"empirical_policy\.retry_delay_seconds$", r"^-", r"^0", "no delay is negative"),
    (r"/flow_runs", r"job_variables$", "^null$", r"^\{\}$", "variables of a run that are changed to null are none"),
    (r"block_documents", r"exception_detail\[\]\.loc$", '^"body"$', '^"body/name"$', "a name of the wrong type is told there"),
    ("", r"^status 500/", "", "", "the reference fails; wf answers"),
]


def text(value):
    return "(absent)" if value is same.NO else json.dumps(value, ensure_ascii=False)


def reason(d):
    for route, path, theirs, ours, why in LINES:
        if re.search(route, d.route) and re.search(path, d.path) and re.search(theirs, text(d.theirs)) and \
                re.search(ours, text(d.ours)):
            return why
    return None
