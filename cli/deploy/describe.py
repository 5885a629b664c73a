# Prints a flow's name, description, version and parameter schema as JSON. Argument: the entrypoint.
import json
import os
import sys

os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
sys.path.insert(0, os.getcwd())
out = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from prefect.flows import load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema

flow = load_flow_from_entrypoint(sys.argv[1])
schema = parameter_schema(flow)
json.dump({
    "name": flow.name,
    "description": flow.description,
    "version": flow.version,
    "parameter_openapi_schema": schema.model_dump_for_openapi(),
}, out)
out.flush()
