"""Checks Kubernetes objects against the API's types, as Debian's python3-kubernetes describes them (API 1.22).

Unknown fields, missing required ones and values of a wrong type are found at every depth. What is newer than that API,
and the kinds of operators (Prometheus, KEDA, cert-manager), are described below: only the fields that Hekla uses, so a misspelt one is
found there too. Not covered: the meaning of values (names of classes, ranges, references between objects).
"""
import re

from kubernetes.client import models

# apiVersion, kind -> the model's name.
KINDS = {
    ("v1", "Namespace"): "V1Namespace", ("v1", "Service"): "V1Service", ("v1", "ServiceAccount"): "V1ServiceAccount",
    ("v1", "ConfigMap"): "V1ConfigMap", ("v1", "PersistentVolumeClaim"): "V1PersistentVolumeClaim",
    ("apps/v1", "Deployment"): "V1Deployment", ("apps/v1", "StatefulSet"): "V1StatefulSet",
    ("policy/v1", "PodDisruptionBudget"): "V1PodDisruptionBudget",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
}
NEWER = {"V1Probe": {"grpc": {"port!": int, "service": str}}}  # 1.24
RULE = {"record": str, "alert": str, "expr!": str, "for": str, "labels": dict, "annotations": dict}
OPERATORS = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): {
        "jobLabel": str, "selector!": {"matchLabels!": dict}, "endpoints!": [{"port!": str, "interval": str}]},
    ("monitoring.coreos.com/v1", "PrometheusRule"): {"groups!": [{"name!": str, "interval": str, "rules!": [RULE]}]},
    ("cert-manager.io/v1", "Certificate"): {
        "secretName!": str, "issuerRef!": {"name!": str, "kind": str}, "privateKey": {"algorithm": str, "size": int},
        "usages": [str], "dnsNames": [str]},
    ("keda.sh/v1alpha1", "ScaledObject"): {
        "scaleTargetRef!": {"apiVersion": str, "kind": str, "name!": str}, "minReplicaCount": int, "maxReplicaCount": int,
        "pollingInterval": int, "cooldownPeriod": int,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": "V2beta2HorizontalPodAutoscalerBehavior"}},
        "triggers!": [{"type!": str, "metricType": str, "metadata!": {"serverAddress!": str, "query!": str, "threshold!": str}}]},
}
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}
FREE = {"object", "IntOrString", "datetime"}  # quantities among them are maps of str


def check(document):
    """Yields "PATH: what is wrong" of one object."""
    kind = (document.get("apiVersion"), document.get("kind"))
    if kind in KINDS:
        yield from against(document, KINDS[kind], kind[1])
    elif kind in OPERATORS:
        yield from against(document, {"apiVersion!": str, "kind!": str, "metadata!": "V1ObjectMeta", "spec!": OPERATORS[kind]}, kind[1])
    else:
        yield f"{kind[0]} {kind[1]}: no such kind is known here"


def against(value, kind, path):
    if isinstance(kind, dict):
        yield from against_fields(value, {key.rstrip("!"): each for key, each in kind.items()},
                                  {key[:-1] for key in kind if key.endswith("!")}, path)
    elif isinstance(kind, list):
        yield from against_list(value, kind[0], path)
    elif isinstance(kind, type) or isinstance(kind, tuple):
        if not isinstance(value, kind) or isinstance(value, bool) and kind is not bool:
            yield f"{path}: {value!r} is not of type {getattr(kind, '__name__', 'number')}"
    elif kind in PLAIN:
        yield from against(value, PLAIN[kind], path)
    elif kind in FREE:
        return
    elif kind.startswith("list["):
        yield from against_list(value, kind[5:-1], path)
    elif kind.startswith("dict("):
        inner = re.match(r"dict\(str, (.*)\)$", kind).group(1)
        if not isinstance(value, dict):
            yield f"{path}: {value!r} is not a map"
            return
        for key, each in value.items():
            yield from against(each, inner, f"{path}.{key}")
    else:
        yield from against_model(value, kind, path)


def against_list(value, kind, path):
    if not isinstance(value, list):
        yield f"{path}: {value!r} is not a list"
        return
    for i, each in enumerate(value):
        yield from against(each, kind, f"{path}[{i}]")


def against_fields(value, fields, required, path):
    if not isinstance(value, dict):
        yield f"{path}: {value!r} is not a map"
        return
    for key in sorted(required - set(value)):
        yield f"{path}.{key}: missing"
    for key, each in value.items():
        if key not in fields:
            yield f"{path}.{key}: no such field"
        else:
            yield from against(each, fields[key], f"{path}.{key}")


class Validation:
    """What a model's setters ask before they refuse a value."""
    def __init__(self, strict):
        self.client_side_validation = strict


def required_fields(model):
    """Fields that a model cannot be without: their setters refuse None."""
    empty = model(local_vars_configuration=Validation(False))
    empty.local_vars_configuration = Validation(True)
    for attribute, field in model.attribute_map.items():
        try:
            setattr(empty, attribute, None)
        except ValueError:
            yield field


def against_model(value, name, path):
    model = getattr(models, name)
    fields = {model.attribute_map[attribute]: kind for attribute, kind in model.openapi_types.items()}
    yield from against_fields(value, {**fields, **NEWER.get(name, {})}, set(required_fields(model)), path)
