"""Every server of this folder runs on PostgreSQL."""
import os
import pathlib
import sys

os.environ["WF_TEST_DATABASE"] = "postgresql"
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "integration"))
