# unit tests of base/: add one program, its sources one per line
