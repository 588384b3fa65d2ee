"""Holders of assets in the asset store: updates, lookups, comparison with the devices here, and tickets."""
