# unit tests of proto/: add one program, its sources one per line
