"""Parts of the differential tester (../differential.py)."""
