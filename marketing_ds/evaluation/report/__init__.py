"""The report of a campaign: one page of HTML that needs nothing from outside."""
