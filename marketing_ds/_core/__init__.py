"""What every room stands on: errors, argument checks and the display of results."""
