# sdk: see docs/ARCHITECTURE.md
