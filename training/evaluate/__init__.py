"""Evaluation of recognisers: error rates, calibration, comparison."""
