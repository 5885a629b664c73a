# unit tests of cli/: add one program, its sources one per line
