"""Speed scenarios behind `tusou bench`: figures beside a floor measured in the same run."""
