"""henkan (変換): config-driven experiments in learned image transformation."""
