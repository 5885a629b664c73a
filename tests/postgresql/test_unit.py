"""The unit tests of the database layer on PostgreSQL. "every statement" is the test that SQL is portable."""
import subprocess

import pg
import wf

SUITES = "@(db/*|filters/they_match*|db_pred/@(hot|every|the_largest)*)"


def test_the_database_layer(tmp_path):
    database = pg.cluster().new_database()
    done = subprocess.run([wf.program("tests/unit/test_api"), "--filter", SUITES], cwd=wf.TOP, text=True,
                          env=wf.clean_env(WF_TEST_PG_URL=pg.cluster().url(database), srcdir=wf.TOP,
                                           ASAN_OPTIONS="detect_leaks=0"),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "Failing: 0 | Crashing: 0" in done.stdout
