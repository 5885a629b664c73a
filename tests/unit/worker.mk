# unit tests of worker/: add one program, its sources one per line
