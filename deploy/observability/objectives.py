"""What Hekla promises by default, in one place: alerts and dashboards are made from it. Seconds and shares."""

FIRST_TOKEN_SECONDS = "1"  # a bucket bound of time_to_first_token_seconds
FIRST_TOKEN_SHARE = 0.95   # of requests have their first token by then
TOKEN_LATENCY_P99_SECONDS = 0.25
CANCEL_TO_FREE_P99_SECONDS = 1
OLDEST_INFLIGHT_SECONDS = 900
WEDGED_SECONDS = 15        # work present and no step
REJECTED_SHARE = 0.05
MEMORY_SHARE = 0.95        # of a device's budget


def slow_first_tokens(window):
    """The share of first tokens that came too late. The bound's label is "1" or "1.0", as the scraper writes it."""
    family = "hekla_router_time_to_first_token_seconds"
    bound = f'{{le=~"{FIRST_TOKEN_SECONDS}([.]0)?"}}'
    return f"1 - sum(rate({family}_bucket{bound}[{window}])) / sum(rate({family}_count[{window}]))"
