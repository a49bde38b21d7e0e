"""Data sets, their fixed splits, forget scenarios and batches on a device. One file a source."""
