# unit tests of engine/: add one program, its sources one per line
