"""What sinks that speak HTTP share: `access` (who we are, whom we trust), `sending` (requests in order), `verdicts` (what
an answer means).
"""
