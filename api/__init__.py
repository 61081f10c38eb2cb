"""The contract with users: typed kinds, condition types, reasons, keys of labels and finalizers."""
