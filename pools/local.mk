# pools: Redis delivery layer
