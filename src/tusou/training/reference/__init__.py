"""The reference network in numpy, written from the formulas: what every other form is compared with."""
