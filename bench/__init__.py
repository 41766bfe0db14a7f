"""Bellhop beside what people would use instead, each figure in the same run on one machine."""
