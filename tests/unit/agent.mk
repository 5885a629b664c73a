# unit tests of agent/: add one program, its sources one per line
