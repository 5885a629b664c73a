# unit tests of pools/: add one program, its sources one per line
