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
    (r"PATCH /(work_pools|work_queues|variables)", r"^status 409/2", "", "", "null for what cannot be null: left as it is, not a 409"),
    (r"templates/validate", r"error\.message", "", "", "words of the template parser"),
    ("", r"^(detail|results\[\]\.error)$", "Invalid JSON", "Invalid JSON", "words of the JSON parser"),
    (r"/logs/filter", r"^status 422/200$", r"query", "", "null is no query"),
    (r"leases/.*/renew", r"^status 204/410$", "", "", "a lease without limits is not kept (corrections 30)"),
    (r"PATCH /deployments", r"^detail$", r"rename schedule", "", "which of two wrong schedules is named"),
    (r"/deployments", r"^status 409/422$", "ValidationError", "", "job variables that do not fit are 422 in every case"),
    (r"POST /deployments/ ", r"work_pool_name|work_queue_id", "", "default-agent-pool", "a queue alone is one of default-agent-pool; the reference takes any of that name"),
    ("", r"exception_detail\[#\]", "", "", "how many problems a body has"),
    ("", r"global_concurrency_limit\.updated$", "", "", "a limit that is set to what it is has not changed"),
    (r"leases/.*/renew", r"^status 422/404$", "", "", "a path with something else than an id is not there"),
    (r"work_queue_check", r"", "", "", "queues that would take a run; the reference names those of all pools"),
    ("", r"max_scheduled_runs$", "^null$", r"^\d+$", "the reference forgets it when a schedule comes with its deployment"),
    (r"create_flow_run|/(flow|task)_runs/", r"^status 201/422$", "", r'loc..?": \[..?"body..?", ..?"name..?"\]', "a name is a text"),
    (r"saved_searches", r"^status 422/20", "", "", "filters of saved searches are the page's own: not looked into"),
    (r"v2/concurrency_limits/decrement", r"^status 409/200$", "", r'"limit": 0', "slots of a limit of 0 can be given back"),
    (r"/queues|/work_queues", r"^detail$", "already exists", "already exists", "corrections 13"),
    (r"concurrency_status", r"^detail$", "not found", "not found", "one sentence for a pool that is not there"),
    ("", r"last_polled$", "", "", "a poll is noted before its answer, not some time after"),
    (r"saved_searches", r"updated$", "", "", "a search that is saved again is updated"),
    (r"POST /flow_runs/ ", r"labels", "", "", "a run is labelled with its own flow, also when its deployment has another"),
    (r"count-by", r"^detail$", "too many", "too many", "how many buckets too many"),
    (r"block_documents/filter", r"^status 422/200$", r"include_secrets", "", "what is no boolean is false"),
    (r"block_documents", r"data\.b", "", "", "references of a document stay when it is merged"),
    (r"/deployments/ ?$", r"^status 422/201$", "not a valid json schema", "", "a schema that is none is told when it is used"),
    (r"create_flow_run/bulk", r"error$", "not associated with a work pool", "", "one sentence for one run and for many"),
    (r"/events/filter", r"^next_page$", "", "page-token", "tokens are the server's own"),
    (r"GET /work_queues/name", r"^status 200/404$", "", "", "a name alone means default-agent-pool, also when that is not there yet"),
    (r"set_state", r"^status 200/201$", "validation error for Artifact", "", "the type of an artifact is not looked into"),
    (r"block_documents", r"name$", "anonymous", "anonymous", "names are made up"),
    (r"block_documents", r"data\.", "\\*{8}", "^null$", "null is no secret"),
    (r"block_documents", r"data\.", "", "\\*{8}", "a secret object is hidden as a whole"),
    (r"PATCH /deployments", r"^detail$", "Multiple schedules", "", "which of two wrong schedules is named"),
    (r"/events/filter", r"^next_page$", "http", "^null$", "a page of no rows has no next one"),
    (r"count-by", r"exception_detail", "", "", "problems of path and body are not collected"),
    (r"/flow_runs|create_flow_run", r"job_variables$", "^null$", r"^\{\}$", "a run with an idempotency key and no job variables has {} like any other"),
    (r"v2/concurrency_limits", r"updated$", "", "", "a limit is updated when it changes"),
    (r"concurrency_limits/increment", r"^detail$", "", "", "words of a refused slot"),
    (r"block_documents", r"^status 400/2", "BlockDocumentReferenceCreate", "", "what is no reference is data"),
    (r"/work_pools", r"^status 422/20", "Invalid schema", "", "a schema that is none is told when it is used"),
    (r"/task_runs/", r"^status 422/201$", "input_type", "", "inputs of a kind that is not known yet are kept"),
    (r"set_state", r"^status 422/201$", "run_input_keyset", "", "what is in a keyset is the client's"),
    (r"create_flow_run/bulk", r"error$", "has no attribute", "", "the reference fails; wf answers"),
    (r"/artifacts/filter", r"", "", "", "results of states are no artifacts of their own here"),
    ("", r"^status \d+/422$", "", "too big integer", "integers have 64 bits"),
    ("", r"exception_detail", "", "json_invalid", "integers have 64 bits"),
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
