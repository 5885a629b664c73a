# api: see docs/ARCHITECTURE.md
