"""Hekla's dashboards, as rows of panels. Names and labels of metrics are those of the router's and the worker's /metrics."""
from objectives import FIRST_TOKEN_SECONDS, FIRST_TOKEN_SHARE, slow_first_tokens
from panels import dashboard, heatmap, lines, mean, quantile, quantiles, stat, table

FINISHED = "hekla_router_requests_finished_total"
# What is no failure of the service: the caller's own errors, limits and cancels.
OWN_CODES = "OK|CANCELLED|INVALID_ARGUMENT|NOT_FOUND|ALREADY_EXISTS|UNAUTHENTICATED|PERMISSION_DENIED|UNIMPLEMENTED"
FAILED = FINISHED + f'{{code!~"{OWN_CODES}",reason!~"quota_exceeded|slow_consumer"}}'


def overview():
    return dashboard("overview", "Overview", "Is the service well, and how fast is it for its callers?", [
        ("Now", [
            stat("Ready workers", "short", "Workers that take requests.", 'sum(hekla_router_workers{state="ready"})'),
            stat("Requests", "reqps", "Requests that ended, a second.", f"sum(rate({FINISHED}[R]))"),
            stat("Output tokens", "short", "Tokens sent to clients, a second.", "sum(rate(hekla_router_output_tokens_total[R]))"),
            stat("Error ratio", "percentunit", "Share of ended requests that failed through no fault of their caller.",
                 f"(sum(rate({FAILED}[R])) or vector(0)) / sum(rate({FINISHED}[R]))", [(0.01, "orange"), (0.05, "red")]),
            stat("First token in time", "percentunit",
                 f"Share of first tokens within {FIRST_TOKEN_SECONDS} s; the objective is {FIRST_TOKEN_SHARE:.0%}.",
                 f"1 - ({slow_first_tokens('R')})", max=1),
            stat("In flight", "short", "Requests there are, queued ones included.", "sum(hekla_router_inflight)")]),
        ("Requests", [
            lines("Requests by result", "reqps", "Requests that ended, by gRPC code and reason.",
                  (f"sum by (code, reason) (rate({FINISHED}[R]))", "{{code}} {{reason}}"), stack=True),
            lines("Requests started", "reqps", "By method.",
                  ("sum by (method) (rate(hekla_router_requests_started_total[R]))", "{{method}}"), stack=True),
            lines("Rejected", "reqps", "Refused before they reached a worker, by reason.",
                  ("sum by (reason) (rate(hekla_router_rejected_total[R]))", "{{reason}}"), stack=True)]),
        ("Latency", [
            quantiles("Time to first token", "s", "From a request's arrival to its first token.",
                      "hekla_router_time_to_first_token_seconds"),
            quantiles("Inter-token latency", "s", "Between consecutive deltas of a stream.",
                      "hekla_router_inter_token_latency_seconds"),
            quantiles("Request duration", "s", "From a request's arrival to its end.", "hekla_router_request_duration_seconds")]),
        ("Distribution", [
            heatmap("Time to first token", "s", "Requests by time to first token.", "hekla_router_time_to_first_token_seconds"),
            heatmap("Inter-token latency", "s", "Deltas by latency.", "hekla_router_inter_token_latency_seconds")]),
        ("Load", [
            lines("Requests in flight", "short", "By phase.", ("sum by (phase) (hekla_router_inflight)", "{{phase}}"), stack=True),
            quantiles("Queue wait", "s", "Wait in the router for a place at a worker.", "hekla_router_queue_wait_seconds"),
            lines("Tokens", "short", "A second: prompts computed and read from caches, output sent.",
                  ("sum by (source) (rate(hekla_router_prompt_tokens_total[R]))", "prompt, {{source}}"),
                  ("sum(rate(hekla_router_output_tokens_total[R]))", "output"))]),
        ("Models", [
            table("Models", "A row for each model.", "model", [
                ("requests/s", "reqps", f"sum by (model) (rate({FINISHED}[R]))"),
                ("failed/s", "reqps", f"sum by (model) (rate({FAILED}[R])) or 0 * sum by (model) (rate({FINISHED}[R]))"),
                ("rejected/s", "reqps", "sum by (model) (rate(hekla_router_rejected_total[R]))")])]),
    ])


def workers():
    return dashboard("workers", "Workers", "The pool: who is there, who is loaded, who went.", [
        ("Now", [
            stat("Ready", "short", "Workers that take requests.", 'sum(hekla_router_workers{state="ready"})'),
            stat("Draining", "short", "Workers that finish what they have.", 'sum(hekla_router_workers{state="draining"})'),
            stat("Lost", "short", "Workers that went without being asked to, in an hour.",
                 'round(sum(increase(hekla_router_worker_lost_total{cause!~"removed|replaced"}[1h])))', [(1, "orange"), (5, "red")]),
            stat("Open breakers", "short", "Workers that get no requests after faults.",
                 'sum(hekla_router_worker_breaker{state="open"})', [(1, "red")])]),
        ("Pool", [
            lines("Workers by state", "short", "As the router sees them.",
                  ("sum by (state) (hekla_router_workers)", "{{state}}"), stack=True),
            lines("Lost workers", "short", "A minute, by cause.",
                  ("60 * sum by (cause) (rate(hekla_router_worker_lost_total[R]))", "{{cause}}"), stack=True),
            lines("Time since attached", "s", "A fall to zero is a restart.",
                  ("hekla_router_worker_lease_age_seconds", "{{worker}}"))]),
        ("Load", [
            lines("Requests at a worker", "short", "Of this router.", ("hekla_router_worker_inflight", "{{worker}}")),
            lines("Running", "short", "Requests in the batch.", ("hekla_worker_requests_running", "{{instance}}")),
            lines("Waiting", "short", "Requests admitted and not yet in the batch.",
                  ("hekla_worker_requests_waiting", "{{instance}}"))]),
        ("Work", [
            lines("Tokens", "short", "Computed, a second, by kind.",
                  ("sum by (instance, kind) (rate(hekla_worker_tokens_total[R]))", "{{instance}} {{kind}}")),
            lines("Age of the last step", "s", "With work present; a rising line is a wedge.",
                  ("hekla_worker_last_step_age_seconds", "{{instance}}")),
            lines("Breakers", "short", "1 for the state that a worker's breaker has.",
                  ("sum by (worker, state) (hekla_router_worker_breaker)", "{{worker}} {{state}}"))]),
        ("Start and end", [
            lines("Seconds of the start-up", "s", "By phase.",
                  ("sum by (instance, phase) (hekla_worker_load_seconds)", "{{instance}} {{phase}}")),
            lines("Devices lost", "short", "In the range shown: each is a restart.",
                  ("sum by (instance) (increase(hekla_worker_device_lost_total[R]))", "{{instance}}")),
            lines("Workers of --spawn-workers", "short", "Of routers that start their workers themselves, by state.",
                  ("sum by (state) (hekla_router_spawned_workers)", "{{state}}"), stack=True)]),
        ("Process", [
            lines("Processor", "short", "Cores in use.", ('rate(process_cpu_seconds_total{job=~"hekla-.*"}[R])', "{{instance}}")),
            lines("Memory", "bytes", "Resident.", ('process_resident_memory_bytes{job=~"hekla-.*"}', "{{instance}}"))]),
    ])


def engine():
    return dashboard("engine", "Engine and device", "What a step costs, what it is made of, and how busy the device is.", [
        ("Steps", [
            lines("Step time", "s", "Median and 99th percentile, by kind.",
                  (quantile(0.5, "hekla_worker_step_seconds", "kind"), "{{kind}} p50"),
                  (quantile(0.99, "hekla_worker_step_seconds", "kind"), "{{kind}} p99")),
            lines("Steps", "short", "A second, by kind.",
                  ("sum by (kind) (rate(hekla_worker_step_seconds_count[R]))", "{{kind}}"), stack=True),
            heatmap("Step time", "s", "Steps by time.", "hekla_worker_step_seconds")]),
        ("Batch", [
            lines("Rows of a step", "short", "Tokens computed in a step.",
                  (mean("hekla_worker_step_tokens"), "mean"), (quantile(0.95, "hekla_worker_step_tokens"), "p95")),
            lines("Sequences of a step", "short", "Requests in the batch.",
                  (mean("hekla_worker_batch_sequences"), "mean"), (quantile(0.95, "hekla_worker_batch_sequences"), "p95")),
            lines("Tokens", "short", "Computed, a second.", ("sum by (kind) (rate(hekla_worker_tokens_total[R]))", "{{kind}}"))]),
        ("Phases of a step", [
            lines("Mean time of a phase", "s", "build (record or reuse), load, submit, execute, read back.",
                  (mean("hekla_worker_job_phase_seconds", "phase"), "{{phase}}"), stack=True),
            lines("Share of a second", "percentunit", "Time spent in a phase; the host's phases run beside the device's.",
                  ("sum by (phase) (rate(hekla_worker_job_phase_seconds_sum[R])) / scalar(count(hekla_worker_build_info))", "{{phase}}"))]),
        ("Device", [
            lines("Busy", "percentunit", "Share of time in which the device executed steps.",
                  ("sum by (instance, device) (rate(hekla_worker_device_busy_seconds_total[R]))", "{{instance}} {{device}}"), max=1),
            lines("Memory bandwidth", "Bps", "Weight and KV bytes read, as counted from shapes.",
                  ("sum by (instance, device) (rate(hekla_worker_device_bytes_read_total[R]))", "{{instance}} {{device}}")),
            lines("Memory", "bytes", "In use and allowed.",
                  ("sum by (instance, device, kind) (hekla_worker_device_memory_bytes)", "{{instance}} {{kind}}"))]),
        ("Pipeline and kernels", [
            lines("Transfers between devices", "s", "Mean time, by link.",
                  (mean("hekla_worker_transfer_seconds", "from, to"), "{{from}} to {{to}}")),
            lines("Kernel cache", "short", "Kernels found compiled and compiled anew, since the start.",
                  ("sum by (instance) (hekla_worker_kernel_cache_hits_total)", "{{instance}} hits"),
                  ("sum by (instance) (hekla_worker_kernel_cache_misses_total)", "{{instance}} misses"))]),
    ])


def cache():
    hits, asked = "hekla_worker_prefix_cache_hit_tokens_total", "hekla_worker_prefix_cache_query_tokens_total"
    return dashboard("cache", "Cache and sessions", "KV memory, prefixes found in it, states of recurrent sessions.", [
        ("KV memory", [
            lines("KV blocks in use", "percentunit", "Share of all blocks.", ("hekla_worker_kv_cache_usage_ratio", "{{instance}}"), max=1),
            lines("KV blocks", "short", "How many there are, and tokens of one: in the legend.",
                  ("hekla_worker_cache_config_info", "{{instance}}: {{num_blocks}} blocks of {{block_size}}")),
            lines("Preemptions", "short", "Sequences sent back to be computed again, a second.",
                  ("sum by (instance) (rate(hekla_worker_preemptions_total[R]))", "{{instance}}"))]),
        ("Prefix cache", [
            lines("Hit ratio", "percentunit", "Share of prompt tokens found in the cache.",
                  (f"sum by (instance) (rate({hits}[R])) / sum by (instance) (rate({asked}[R]))", "{{instance}}"), max=1),
            lines("Tokens asked for and found", "short", "A second.",
                  (f"sum(rate({asked}[R]))", "asked"), (f"sum(rate({hits}[R]))", "found")),
            lines("Prompt tokens at the router", "short", "A second, by where they came from.",
                  ("sum by (source) (rate(hekla_router_prompt_tokens_total[R]))", "{{source}}"), stack=True)]),
        ("Sessions", [
            lines("State slots", "short", "Of recurrent models: used, and there are.",
                  ("hekla_worker_state_slots_used", "{{instance}} used"), ("hekla_worker_state_slots_total", "{{instance}} total")),
            lines("Routes", "reqps", "How the router chose a worker.",
                  ("sum by (branch) (rate(hekla_router_route_total[R]))", "{{branch}}"), stack=True),
            quantiles("Prompt tokens", "short", "Of a finished request.", "hekla_router_prompt_tokens")]),
    ])


def router():
    return dashboard("router", "Router internals", "What the router adds, retries, resumes and cancels.", [
        ("Router", [
            quantiles("Overhead of a delta", "s", "From a delta's arrival at the router to the start of its write.",
                      "hekla_router_overhead_seconds"),
            quantiles("Loop delay", "s", "How late the router's threads run what is due.", "hekla_router_loop_delay_seconds"),
            quantiles("Time per output token", "s", "Mean of a request, after its first token.",
                      "hekla_router_time_per_output_token_seconds")]),
        ("Queue", [
            lines("Prompt tokens that wait", "short", "Estimated.", ("sum(hekla_router_queued_tokens)", "tokens")),
            lines("Oldest request", "s", "By phase.", ("max by (phase) (hekla_router_oldest_inflight_seconds)", "{{phase}}")),
            lines("Routes", "reqps", "How the router chose a worker.",
                  ("sum by (branch) (rate(hekla_router_route_total[R]))", "{{branch}}"), stack=True)]),
        ("Failures hidden from clients", [
            lines("Retries", "reqps", "Sent to another worker before their first token, by cause and result.",
                  ("sum by (cause, result) (rate(hekla_router_retries_total[R]))", "{{cause}} {{result}}")),
            lines("Resumes", "reqps", "Taken over by another worker after their first token.",
                  ("sum by (cause, result) (rate(hekla_router_resumes_total[R]))", "{{cause}} {{result}}")),
            quantiles("Time until a death is noticed", "s", "From a worker's last sign of life to the router's reaction.",
                      "hekla_router_worker_detect_seconds")]),
        ("Cancels", [
            lines("Cancelled by clients", "reqps", "By phase.",
                  ("sum by (phase) (rate(hekla_router_client_cancel_total[R]))", "{{phase}}")),
            quantiles("Cancel to free", "s", "From a cancel to the freed place at the worker.", "hekla_router_cancel_to_free_seconds"),
            lines("Ended by the router", "reqps", "Slow readers, and requests that took workers down.",
                  ("sum(rate(hekla_router_slow_consumer_total[R]))", "slow consumer"),
                  ("sum(rate(hekla_router_poison_total[R]))", "poison"))]),
        ("Requests", [
            quantiles("Prompt tokens", "short", "Of a finished request.", "hekla_router_prompt_tokens"),
            quantiles("Output tokens", "short", "Of a finished request.", "hekla_router_output_tokens"),
            lines("Build", "short", "Versions that run.", ("sum by (version) (hekla_router_build_info)", "router {{version}}"),
                  ("sum by (version) (hekla_worker_build_info)", "worker {{version}}"))]),
    ])


ALL = {"overview": overview, "workers": workers, "engine": engine, "cache": cache, "router": router}
