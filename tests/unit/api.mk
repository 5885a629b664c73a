# unit tests of api/: add one program, its sources one per line
