"""What must hold before effects are believed, and whether they came true."""
