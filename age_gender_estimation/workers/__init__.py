"""Pools of worker processes, on this machine or in a Dask cluster."""
