"""Tests of tests/integration that also run on PostgreSQL in each ./test.sh; all of them: WF_TEST_DATABASE=postgresql."""
# pylint: disable=unused-import
from test_contract import test_every_route_is_there  # noqa: F401
from test_delivery import (place, test_a_submitted_run_can_be_claimed_at_once,  # noqa: F401
                           test_server_killed_with_rows_that_wait,
                           test_schedules_make_runs_and_pausing_drops_them)
from test_flow_runs import *  # noqa: F401,F403
