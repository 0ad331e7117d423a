"""Recording rules and alerts. An alert is conditions that must all hold, and two stories for its test: one in which it
fires and one, close by, in which it must not.

A condition is (expression, comparison, threshold), kept apart so that a test can ask a living Prometheus for the
expression's value while nothing is wrong. A story maps series to values in promtool's notation, a sample a minute.
"""
import dataclasses

import objectives as o
from objectives import slow_first_tokens

BUDGET = 1 - o.FIRST_TOKEN_SHARE
TTFT = "hekla_router_time_to_first_token_seconds"
ITL = "hekla_router_inter_token_latency_seconds"
CANCEL = "hekla_router_cancel_to_free_seconds"


@dataclasses.dataclass(frozen=True)
class Alert:
    name: str
    conditions: tuple
    hold: str  # how long the conditions hold before it fires
    severity: str  # "page": someone must act now; "ticket": within days
    summary: str
    action: str
    fires: dict
    quiet: dict
    at: str = "30m"  # of the stories

    @property
    def expression(self):
        return " and ".join(f"({value}) {comparison} {threshold}" for value, comparison, threshold in self.conditions)


RECORDING = [(f"hekla:first_token_slow:ratio_rate{window}", slow_first_tokens(window)) for window in ("5m", "30m", "1h", "6h")] + [
    ("hekla:queue_wait_seconds:p90_rate2m",
     "histogram_quantile(0.9, sum by (le) (rate(hekla_router_queue_wait_seconds_bucket[2m])))"),
    ("hekla:queued_tokens:per_ready_worker",
     'sum(hekla_router_queued_tokens) / clamp_min(sum(hekla_router_workers{state="ready"}), 1)'),
]


def histogram(family, bound, low, high):
    """Series of a histogram with one bound: `low` observations below it, of `high` in all; both grow each minute."""
    return {f'{family}_bucket{{le="{bound}"}}': f"0+{low}x400", f'{family}_bucket{{le="+Inf"}}': f"0+{high}x400",
            f"{family}_count": f"0+{high}x400"}


def burn(name, factor, short, long, severity, hold):
    """Fires when the error budget of first tokens burns `factor` times too fast, over a long window and still now."""
    threshold = round(factor * BUDGET, 4)
    return Alert(
        name, tuple((f"hekla:first_token_slow:ratio_rate{window}", ">", threshold) for window in (long, short)), hold,
        severity, f"First tokens are late: the error budget burns {factor} times too fast",
        f"More than {threshold:.0%} of first tokens took longer than {o.FIRST_TOKEN_SECONDS} s. Look at queue wait and step time;"
        " add workers or lower admission limits.",
        histogram(TTFT, o.FIRST_TOKEN_SECONDS, 100 * (1 - threshold) - 5, 100),
        histogram(TTFT, o.FIRST_TOKEN_SECONDS, 100 * (1 - threshold) + 5, 100), "390m")


def memory(used):
    """A device with a budget of 100."""
    family = "hekla_worker_device_memory_bytes"
    return {f'{family}{{device="d",kind="used"}}': f"{used}x40", f'{family}{{device="d",kind="budget"}}': "100x40"}


def share_above(family, seconds):
    return f"histogram_quantile(0.99, sum by (le) (rate({family}_bucket[5m])))", ">", seconds


SERVICE = [
    Alert("HeklaNoReadyWorker", (('sum(hekla_router_workers{state="ready"})', "<", 1),), "1m", "page",
          "No worker takes requests",
          "Every request waits and is refused. Look at the workers' logs and at the router's worker_lost lines.",
          {'hekla_router_workers{state="ready"}': "0x40", 'hekla_router_workers{state="draining"}': "2x40"},
          {'hekla_router_workers{state="ready"}': "1x40", 'hekla_router_workers{state="draining"}': "0x40"}),
    burn("HeklaFirstTokenBurnFast", 14.4, "5m", "1h", "page", "2m"),
    burn("HeklaFirstTokenBurnSlow", 6, "30m", "6h", "ticket", "15m"),
    Alert("HeklaTokenLatencyHigh", (share_above(ITL, o.TOKEN_LATENCY_P99_SECONDS),), "10m", "ticket",
          f"1 % of tokens come more than {o.TOKEN_LATENCY_P99_SECONDS} s after the one before",
          "Long prompts between decodes, a full batch or a slow device: see the dashboard Engine and device.",
          histogram(ITL, o.TOKEN_LATENCY_P99_SECONDS, 90, 100) | {f'{ITL}_bucket{{le="1"}}': "0+100x400"},
          histogram(ITL, o.TOKEN_LATENCY_P99_SECONDS, 100, 100)),
    Alert("HeklaOldestInFlight", (("max(hekla_router_oldest_inflight_seconds)", ">", o.OLDEST_INFLIGHT_SECONDS),), "5m", "ticket",
          f"A request has been there for more than {o.OLDEST_INFLIGHT_SECONDS} s",
          "hekla.v1.Admin's ListInFlight names it, its Cancel ends it. A request that no worker moves is a fault to report.",
          {'hekla_router_oldest_inflight_seconds{phase="decode"}': f"{o.OLDEST_INFLIGHT_SECONDS + 1}+60x40"},
          {'hekla_router_oldest_inflight_seconds{phase="decode"}': f"{o.OLDEST_INFLIGHT_SECONDS - 1}x40"}),
    Alert("HeklaCancelSlow", (share_above(CANCEL, o.CANCEL_TO_FREE_P99_SECONDS),), "10m", "ticket",
          f"1 % of cancelled requests hold their place for more than {o.CANCEL_TO_FREE_P99_SECONDS} s",
          "Cancels take effect at the next step: look for long steps and for a worker that does not answer.",
          histogram(CANCEL, o.CANCEL_TO_FREE_P99_SECONDS, 90, 100) | {f'{CANCEL}_bucket{{le="2.5"}}': "0+100x400"},
          histogram(CANCEL, o.CANCEL_TO_FREE_P99_SECONDS, 100, 100)),
    Alert("HeklaRejectedRatio", ((
        '(sum(rate(hekla_router_rejected_total{reason=~"queue_full|queue_timeout|no_worker"}[5m])) or vector(0))'
        " / sum(rate(hekla_router_requests_started_total[5m]))", ">", o.REJECTED_SHARE),), "5m", "page",
          f"More than {o.REJECTED_SHARE:.0%} of requests are refused for want of room", "Add workers, or find out who sends so much.",
          {'hekla_router_rejected_total{reason="queue_full"}': "0+6x40", "hekla_router_requests_started_total": "0+100x40"},
          {'hekla_router_rejected_total{reason="queue_full"}': "0+4x40", 'hekla_router_rejected_total{reason="invalid_field"}': "0+50x40",
           "hekla_router_requests_started_total": "0+100x40"}),
    Alert("HeklaPoisonRequest", (("sum(increase(hekla_router_poison_total[15m]))", ">", 0),), "0m", "ticket",
          "A request took down two workers and is refused now",
          "The router's log has its request id. The workers' logs say what they died of: report it.",
          {"hekla_router_poison_total": "0x20 1x20"}, {"hekla_router_poison_total": "3x40"}),
]

WORKERS = [
    Alert("HeklaCrashLoop", (('sum(increase(hekla_router_worker_lost_total{cause!~"removed|replaced"}[10m]))', ">=", 5),), "0m", "page",
          "Five workers were lost within ten minutes",
          "The same worker again and again, or many at once: see the dashboard Workers, then their logs.",
          {'hekla_router_worker_lost_total{cause="lease"}': "0+1x40"},
          {'hekla_router_worker_lost_total{cause="lease"}': "0x20 1x20", 'hekla_router_worker_lost_total{cause="removed"}': "0+1x40"}),
    Alert("HeklaWorkerParked", (('sum by (instance) (hekla_router_spawned_workers{state="parked"})', ">", 0),), "0m", "page",
          "A worker of --spawn-workers fails at every start and is not started any more",
          "The router's log has its last exit code. Remove the cause, then restart the router.",
          {'hekla_router_spawned_workers{state="parked"}': "0x20 1x20"}, {'hekla_router_spawned_workers{state="waiting"}': "1x40"}),
    Alert("HeklaWorkerWedged", (("max by (instance) (hekla_worker_last_step_age_seconds)", ">", o.WEDGED_SECONDS),), "30s", "page",
          "A worker has work and computes nothing", "The router has sent its requests elsewhere. Restart it; keep its log.",
          {"hekla_worker_last_step_age_seconds": "0x10 60+60x30"}, {"hekla_worker_last_step_age_seconds": f"{o.WEDGED_SECONDS - 1}x40"}),
    Alert("HeklaDeviceMemoryFull", ((
        'sum by (instance, device) (hekla_worker_device_memory_bytes{kind="used"})'
        ' / sum by (instance, device) (hekla_worker_device_memory_bytes{kind="budget"})', ">", o.MEMORY_SHARE),), "10m", "ticket",
          f"More than {o.MEMORY_SHARE:.0%} of a device's memory budget is in use",
          "Something else took memory of the device, or --kv-memory-mib is too large.",
          memory(97), memory(90)),
    # A worker says so in its last moments, which a scraper often misses; a router that started it sees its exit code.
    Alert("HeklaDeviceLost", ((
        "(sum(increase(hekla_worker_device_lost_total[15m])) or vector(0))"
        ' + (sum(increase(hekla_router_spawned_worker_exits_total{cause="device_lost"}[15m])) or vector(0))', ">", 0),), "0m", "ticket",
          "A worker lost its device", "The driver reset it. Often: look at the kernel's log, power and heat.",
          {'hekla_router_spawned_worker_exits_total{cause="device_lost"}': "0x20 1x20"},
          {"hekla_worker_device_lost_total": "1x40", 'hekla_router_spawned_worker_exits_total{cause="signal"}': "0x20 1x20"}),
    Alert("HeklaScrapeDown", (('up{job=~"hekla-.*"}', "<", 1),), "2m", "page",
          "A process of Hekla does not answer its scraper", "It has ended, hangs, or its metrics port cannot be reached.",
          {'up{job="hekla-worker",instance="a"}': "1x10 0x30"},
          {'up{job="hekla-worker",instance="a"}': "1x28 0 1x11", 'up{job="else",instance="b"}': "0x40"}),
]

ALERTS = SERVICE + WORKERS


def rule_groups():
    """The content of a Prometheus rules file."""
    recording = [{"record": name, "expr": expression} for name, expression in RECORDING]
    alerts = [{"alert": alert.name, "expr": alert.expression, **({} if alert.hold == "0m" else {"for": alert.hold}),
               "labels": {"severity": alert.severity}, "annotations": {"summary": alert.summary, "description": alert.action}}
              for alert in ALERTS]
    return {"groups": [{"name": "hekla-recording", "rules": recording}, {"name": "hekla-alerts", "rules": alerts}]}


def rule_tests(rules_path):
    """The content of a promtool test file: each alert's two stories."""
    tests = []
    for alert in ALERTS:
        for verdict, story in (("fires", alert.fires), ("quiet", alert.quiet)):
            tests.append({
                "name": f"{alert.name} {verdict}", "interval": "1m",
                "input_series": [{"series": series, "values": values} for series, values in story.items()],
                "promql_expr_test": [{
                    "expr": f'count(ALERTS{{alertname="{alert.name}",alertstate="firing"}}) or vector(0)', "eval_time": alert.at,
                    "exp_samples": [{"labels": "{}", "value": 1 if verdict == "fires" else 0}]}]})
    return {"rule_files": [rules_path], "evaluation_interval": "1m", "tests": tests}
