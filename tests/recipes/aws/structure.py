"""Checks of the expanded template that are about resources: queues, bucket, logs, alarms, schedules, settings."""

import hashlib
import json
import re

from expand import ACCOUNT, PARTITION, REGION
from iam import allowed, denied, some
from policies import bucket, expected, functions, statements
from rights import READS, ROOT, SENDS, STAGES, WRITES

DAY_S = 24 * 3600
EVENTS = ROOT / "infra/aws/events"
PAGE = ROOT / "docs/aws.md"
UPLOAD = ROOT / "examples/retail_sales.csv"


def queues(stack):
    return {p["QueueName"]: p for p in stack.properties("AWS::SQS::Queue").values()}


def name_of(arn):
    return arn.rsplit(":", 1)[-1]


def mappings(stack):
    """Returns the event source of each function by the function's name in the tables."""
    named = {p["FunctionName"]: name for name, p in functions(stack).items()}
    return {named[p["FunctionName"]]: p for p in stack.properties("AWS::Lambda::EventSourceMapping").values()}


def only(stack, kind):
    """Returns the properties of the only resource of a kind; an empty table when there is none."""
    return next(iter(stack.properties(kind).values()), {})


def check_dead_letters(stack):
    """Every queue sets aside what cannot be read, into a queue that keeps it for longer."""
    all_queues, problems = queues(stack), []
    for stage in STAGES:
        source = all_queues.get(f"flits-{stage}", {})
        redrive = source.get("RedrivePolicy", {})
        dead = all_queues.get(name_of(redrive.get("deadLetterTargetArn", "")))
        if dead is None or dead["QueueName"] != f"flits-{stage}-dlq":
            problems.append(f"flits-{stage} has no dead-letter queue")
            continue
        # docs/operations.md: the ledger counts attempts, the queue only stops what nobody can read.
        if redrive["maxReceiveCount"] != 1000:
            problems.append(f"flits-{stage} sets aside after {redrive['maxReceiveCount']} deliveries, which healthy jobs reach")
        kept, lives = dead.get("MessageRetentionPeriod", 4 * DAY_S), source.get("MessageRetentionPeriod", 4 * DAY_S)
        if kept <= lives:
            problems.append(f"dead letters of {stage} are kept for {kept} s, messages for {lives} s")
        sources = dead.get("RedriveAllowPolicy", {}).get("sourceQueueArns", [])
        if [name_of(arn) for arn in sources] != [f"flits-{stage}"]:
            problems.append(f"other queues than flits-{stage} may use flits-{stage}-dlq: {sources}")
    return problems


def check_visibility(stack):
    """A message stays hidden for six times as long as its function may run, as Lambda asks for."""
    problems = []
    for name, mapping in mappings(stack).items():
        queue, timeout = queues(stack)[name_of(mapping["EventSourceArn"])], functions(stack)[name]["Timeout"]
        hidden = queue.get("VisibilityTimeout", 30)
        if hidden < 6 * timeout:
            problems.append(f"{queue['QueueName']} hides messages for {hidden} s, {name} may run {timeout} s")
    return problems


def check_batches(stack):
    """Every queue has one function, of its own name, bounded in concurrency, and a bad record fails alone."""
    found, problems = mappings(stack), []
    for stage in STAGES:
        mapping = found.get(stage)
        if mapping is None or name_of(mapping["EventSourceArn"]) != f"flits-{stage}":
            problems.append(f"nothing takes the messages of flits-{stage}")
            continue
        if mapping.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            problems.append(f"a bad record of {stage} gives its whole batch back")
        if not 2 <= mapping.get("ScalingConfig", {}).get("MaximumConcurrency", 0) <= 1000:
            problems.append(f"nothing bounds how many {stage} run at once")
        wanted = 1 if stage in ("preprocess", "train") else 10
        if mapping.get("BatchSize") != wanted:
            problems.append(f"{stage} takes {mapping.get('BatchSize')} messages at once instead of {wanted}")
    return problems


def check_encryption(stack):
    """What is stored is encrypted with keys of the service, so that no role needs a right on a key."""
    problems = []
    for properties in stack.properties("AWS::S3::Bucket").values():
        rules = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
        if [r["ServerSideEncryptionByDefault"] for r in rules] != [{"SSEAlgorithm": "AES256"}]:
            problems.append("the bucket is not encrypted with S3's keys")
    problems += [f"{name} is not encrypted" for name, p in queues(stack).items() if p.get("SqsManagedSseEnabled") is not True]
    return problems


def check_public_access(stack):
    """Nobody can make the bucket or an object public."""
    problems = []
    for properties in stack.properties("AWS::S3::Bucket").values():
        blocked = properties.get("PublicAccessBlockConfiguration", {})
        for flag in ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"):
            if blocked.get(flag) is not True:
                problems.append(f"{flag} is off")
        if properties.get("OwnershipControls", {}).get("Rules") != [{"ObjectOwnership": "BucketOwnerEnforced"}]:
            problems.append("objects may belong to other accounts")
    for kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        for name, properties in stack.properties(kind).items():
            for statement in some(properties["PolicyDocument"]["Statement"]):
                if statement["Effect"] == "Allow" and "Service" not in (statement["Principal"] or {}):
                    problems.append(f"{name} allows {statement['Principal']}")
    for name, properties in stack.properties("AWS::Lambda::Permission").items():
        if properties["Principal"] == "*":
            problems.append(f"{name} lets anybody call a function")
    return problems


def resource_policies(stack):
    """Yields each resource that has a policy: a name, its ARN, an action on it, its statements."""
    if stack.parameters["CreateBucket"] == "true":
        document = only(stack, "AWS::S3::BucketPolicy").get("PolicyDocument", {"Statement": []})
        yield "the bucket", bucket(stack), "s3:ListBucket", document["Statement"]
        yield "objects", f"{bucket(stack)}/raw/cell/a.csv", "s3:PutObject", document["Statement"]
    policies = stack.properties("AWS::SQS::QueuePolicy").values()
    by_url = {url: p["PolicyDocument"]["Statement"] for p in policies for url in p["Queues"]}
    for name in queues(stack):
        url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"
        yield name, f"arn:{PARTITION}:sqs:{REGION}:{ACCOUNT}:{name}", "sqs:SendMessage", by_url.get(url, [])
    for name in stack.of("AWS::SNS::Topic"):
        arn = f"arn:{PARTITION}:sns:{REGION}:{ACCOUNT}:{name}"
        yield name, arn, "sns:Publish", only(stack, "AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]


def check_tls(stack):
    """Nothing is reached without TLS, and nothing is refused for using it."""
    problems = []
    for name, arn, action, policy in resource_policies(stack):
        if not denied(policy, action, arn, {"aws:SecureTransport": "false"}):
            problems.append(f"{name} can be reached without TLS")
        if denied(policy, action, arn, {"aws:SecureTransport": "true", "s3:TlsVersion": "1.2"}):
            problems.append(f"{name} cannot be reached over TLS 1.2")
    return problems


def check_notification(stack):
    """Uploads wake preprocess, and nothing else does; only this bucket of this account may send to its queue."""
    problems, queue = [], f"arn:{PARTITION}:sqs:{REGION}:{ACCOUNT}:flits-preprocess"
    for properties in stack.properties("AWS::S3::Bucket").values():
        configured = properties.get("NotificationConfiguration", {})
        rules = {"S3Key": {"Rules": [{"Name": "prefix", "Value": "raw/"}]}}
        wanted = {"QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": queue, "Filter": rules}]}
        if configured != wanted:
            problems.append(f"uploads are notified as {configured}")
    policy = next((p for name, _, _, p in resource_policies(stack) if name == "flits-preprocess"), [])
    ours = {"aws:SourceArn": bucket(stack), "aws:SourceAccount": ACCOUNT, "aws:SecureTransport": "true"}
    for context, wanted, who in (
        (ours, True, "the bucket"),
        (ours | {"aws:SourceArn": f"arn:{PARTITION}:s3:::other"}, False, "another bucket"),
        (ours | {"aws:SourceAccount": "999999999999"}, False, "a bucket of another account"),
        ({"aws:SecureTransport": "true"}, False, "S3 for nobody"),
    ):
        if allowed(policy, "sqs:SendMessage", queue, context, "s3.amazonaws.com") != wanted:
            problems.append(f"{who} {'cannot' if wanted else 'can'} send to flits-preprocess")
    if allowed(policy, "sqs:SendMessage", queue, ours, "events.amazonaws.com"):
        problems.append("other services than S3 can send to flits-preprocess")
    return problems


def fields_of_an_entry():
    """Returns the prefixes that an entry of the champion log reaches, by the fields of `Entry`."""
    code = (ROOT / "functions/contract/src/round.rs").read_text(encoding="utf-8")
    body = re.search(r"pub struct Entry \{(.*?)\n\}", code, re.DOTALL)[1]
    digests = {name for name, kind in re.findall(r"pub (\w+): (?:Option<)?(\w+)", body) if kind in ("Digest", "RoundId")}
    prefixes = {
        "round": "rounds", "artifact": "models", "parent": "models", "sample": "samples", "clean": "clean", "spec": "resolved",
    }
    unknown = digests - set(prefixes)
    assert not unknown, f"an entry reaches {unknown}, of which this check knows no prefix"
    return {prefixes[name] for name in digests}


def check_lifecycle(stack):
    """Nothing is deleted that a champion entry reaches or that ends a walk; the rest is, in time."""
    problems = []
    for properties in stack.properties("AWS::S3::Bucket").values():
        if properties.get("VersioningConfiguration") != {"Status": "Enabled"}:
            problems.append("replaced and deleted objects cannot be restored")
        rules = properties.get("LifecycleConfiguration", {}).get("Rules", [])
        ages, whole = {}, {}
        for rule in rules:
            if rule["Status"] != "Enabled":
                problems.append(f"rule {rule['Id']} is off")
            if rule.get("Prefix") == "":
                whole |= rule
            elif "ExpirationInDays" in rule:
                ages[rule["Prefix"].rstrip("/")] = rule["ExpirationInDays"]
                # S3 refuses such a rule.
                if any(rule["ExpirationInDays"] <= t["TransitionInDays"] for t in rule.get("Transitions", [])):
                    problems.append(f"the class does not change before {rule['Prefix']} is deleted")
        wanted = {"checkpoints": 7, "jobs": 90, "failed": 90, "dead": 90, "doctor": 1}
        if stack.parameters["CleanDays"] != 0:
            wanted["clean"] = stack.parameters["CleanDays"]
        reached = fields_of_an_entry() | {"champion", "forecasts", "work", "uploads", "raw", "specs"}
        for prefix in sorted(set(ages) & reached - set(wanted)):
            problems.append(f"{prefix}/ is deleted after {ages[prefix]} days, but a champion entry or a walk needs it")
        if ages != wanted:
            problems.append(f"objects are deleted after {ages} days instead of {wanted}")
        if "ExpirationInDays" in whole:
            problems.append("a rule without a prefix deletes everything")
        if whole.get("NoncurrentVersionExpiration") != {"NoncurrentDays": stack.parameters["OldVersionDays"]}:
            problems.append("old versions are kept for ever")
        if whole.get("ExpiredObjectDeleteMarker") is not True:
            problems.append("marks of deleted objects are kept for ever")
        if "AbortIncompleteMultipartUpload" not in whole:
            problems.append("parts of unfinished uploads are kept for ever")
    return problems


def check_kept(stack):
    """Removing the stack keeps the state, and keeps it guarded."""
    problems = []
    for kind in ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"):
        for name, resource in stack.of(kind).items():
            if (resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")) != ("Retain", "Retain"):
                problems.append(f"{name} goes with the stack")
    made = stack.parameters["CreateBucket"] == "true"
    if bool(stack.of("AWS::S3::Bucket")) != made or bool(stack.of("AWS::S3::BucketPolicy")) != made:
        problems.append(f"CreateBucket is {stack.parameters['CreateBucket']}, but that is not what happens")
    return problems


def check_logs(stack):
    """Every function logs to a group of its own, which forgets in time."""
    groups = {p["LogGroupName"]: p for p in stack.properties("AWS::Logs::LogGroup").values()}
    problems = []
    for name, properties in functions(stack).items():
        group = properties.get("LoggingConfig", {}).get("LogGroup")
        if group != f"/aws/lambda/flits-{name}" or group not in groups:
            problems.append(f"{name} logs to {group}, which is not its own group")
        elif groups[group].get("RetentionInDays") != stack.parameters["LogRetentionDays"]:
            problems.append(f"logs of {name} are kept for ever")
    return problems


def alarm_on(stack, metric, dimension):
    """Returns the alarms on a metric of one queue or function."""
    found = []
    for properties in stack.properties("AWS::CloudWatch::Alarm").values():
        if properties.get("MetricName") == metric and [d["Value"] for d in properties.get("Dimensions", [])] == [dimension]:
            found.append(properties)
    return found


def check_alarms(stack):
    """Every dead letter, late message, crash, throttle and failed job is noticed, and so is a sweep that does not run."""
    problems, names = [], {name: p["FunctionName"] for name, p in functions(stack).items()}

    def watched(metric, dimension, what, operator="GreaterThanThreshold", threshold=0):
        alarms = alarm_on(stack, metric, dimension)
        if not any((a["ComparisonOperator"], a["Threshold"]) == (operator, threshold) for a in alarms):
            problems.append(f"nobody notices {what}")
        return alarms

    for stage in STAGES:
        watched("ApproximateNumberOfMessagesVisible", f"flits-{stage}-dlq", f"dead letters of {stage}")
        age = stack.parameters["AgeAlarmSeconds"]
        watched("ApproximateAgeOfOldestMessage", f"flits-{stage}", f"that {stage} falls behind", threshold=age)
    for name in expected(stack):
        watched("Errors", names.get(name), f"errors of {name}")
    for alarm in watched("Invocations", names.get("sweep"), "that sweep does not run", "LessThanThreshold", 1):
        if alarm.get("TreatMissingData") != "breaching":
            problems.append("a sweep that does not run has no data, and its alarm ignores that")
    sums = {}
    for properties in stack.properties("AWS::CloudWatch::Alarm").values():
        for metric in properties.get("Metrics", []):
            if "MetricStat" in metric:
                of = metric["MetricStat"]["Metric"]
                sums.setdefault(of["MetricName"], set()).add(of["Dimensions"][0]["Value"])
    for name in expected(stack):
        if names.get(name) not in sums.get("Throttles", set()):
            problems.append(f"nobody notices that {name} is throttled")
    for stage in STAGES:
        if stage not in sums.get("flits_jobs_total", set()):
            problems.append(f"nobody notices failed jobs of {stage}")
    topic = stack.parameters["AlarmTopicArn"] or next(
        (f"arn:{PARTITION}:sns:{REGION}:{ACCOUNT}:{name}" for name in stack.of("AWS::SNS::Topic")), None
    )
    if stack.parameters["AlarmEmail"] and topic is None:
        problems.append("an address is given, but no topic is made for it")
    for name, properties in stack.properties("AWS::CloudWatch::Alarm").items():
        if properties.get("AlarmActions") != ([topic] if topic else None):
            problems.append(f"{name} tells nobody")
    return problems


def check_loops(stack):
    """Lambda's guard against loops is off for train, whose hops are a loop on purpose, and on for all others."""
    problems = []
    for name, properties in functions(stack).items():
        loop = properties.get("RecursiveLoop", "Terminate")
        if (loop == "Allow") != (name == "train"):
            problems.append(f"RecursiveLoop of {name} is {loop}")
    return problems


def check_schedule(stack):
    """sweep runs every five minutes, and deeply once a day."""
    sweep = functions(stack).get("sweep", {}).get("FunctionName")
    rules = {}
    for name, properties in stack.properties("AWS::Events::Rule").items():
        for target in properties["Targets"]:
            if target["Arn"].endswith(f":function:{sweep}") and properties.get("State", "ENABLED") == "ENABLED":
                rules[properties["ScheduleExpression"]] = json.loads(target.get("Input", "{}"))
    if rules.get("rate(5 minutes)") != {}:
        return [f"sweep does not run every five minutes: {rules}"]
    deep = [rule for rule, given in rules.items() if given == {"sweep": "deep"} and rule.startswith("cron(")]
    return [] if len(deep) == 1 and len(rules) == 2 else [f"sweep does not run deeply once a day: {rules}"]


def check_url(stack):
    """Forecasts on request want a signature, and the policy for callers has the two rights that a URL needs."""
    urls = stack.properties("AWS::Lambda::Url")
    if stack.parameters["InferUrl"] == "off":
        return ["there is a URL"] if urls or "infer-http" in functions(stack) else []
    problems = []
    if [p["AuthType"] for p in urls.values()] != ["AWS_IAM"]:
        problems.append(f"the URL is {urls}")
    function = f"arn:{PARTITION}:lambda:{REGION}:{ACCOUNT}:function:flits-infer-http"
    caller = only(stack, "AWS::IAM::ManagedPolicy").get("PolicyDocument", {"Statement": []})["Statement"]
    over_url = {"lambda:FunctionUrlAuthType": "AWS_IAM", "lambda:InvokedViaFunctionUrl": "true"}
    for action in ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction"):
        if not allowed(caller, action, function, over_url):
            problems.append(f"a caller of the URL lacks {action}")
    if allowed(caller, "lambda:InvokeFunction", function):
        problems.append("a caller may go round the URL")
    return problems


def check_settings(stack):
    """Every function runs our binary on the chosen processor, and finds the bucket and its queues."""
    problems, image = [], stack.parameters["TrainImageUri"]
    wanted = {
        "FLITS__STORE__BUCKET": stack.parameters["BucketName"],
        "FLITS__LOG__FILTER": stack.parameters["LogFilter"],
        "FLITS__LOG__FORMAT": "json",
    }
    for stage in STAGES:
        wanted[f"FLITS__QUEUE__URLS__{stage.upper()}"] = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/flits-{stage}"
    for name, properties in functions(stack).items():
        if name == "train" and image:
            if (properties.get("PackageType"), properties["Code"]) != ("Image", {"ImageUri": image}):
                problems.append(f"train is no image: {properties['Code']}")
            if "Runtime" in properties or "Handler" in properties:
                problems.append("train is an image with a runtime")
        else:
            if (properties.get("Runtime"), properties.get("Handler")) != ("provided.al2023", "bootstrap"):
                problems.append(f"{name} runs {properties.get('Handler')} on {properties.get('Runtime')}")
            package = {"infer-http": "infer"}.get(name, name)
            if properties["Code"].get("S3Key") != f"{package}.zip":
                problems.append(f"{name} is packed as {properties['Code']}")
        if properties.get("Architectures") != [stack.parameters["Architecture"]]:
            problems.append(f"{name} runs on {properties.get('Architectures')}")
        have = properties.get("Environment", {}).get("Variables", {})
        for variable, value in wanted.items():
            if have.get(variable) != value:
                problems.append(f"{name} has {variable}={have.get(variable)}")
        extra = set(have) - set(wanted) - {"FLITS__HOST__MEMORY"}
        problems += [f"{name} has {variable}, which nobody explains" for variable in sorted(extra)]
    preprocess = functions(stack).get("preprocess", {})
    bound = preprocess.get("Environment", {}).get("Variables", {}).get("FLITS__HOST__MEMORY")
    if bound != "2GiB" or preprocess["MemorySize"] < 2048 + 512:
        problems.append("the child that reads an upload can take the memory of its parent")
    if preprocess.get("EphemeralStorage", {}).get("Size", 512) < 2 * 512:
        problems.append("an upload and its test file do not fit into /tmp")
    return problems


def check_outputs(stack):
    """The stack says what people need next."""
    wanted = {"BucketName", "PreprocessQueueArn", *(f"{stage.capitalize()}QueueUrl" for stage in STAGES)}
    if stack.parameters["InferUrl"] == "on":
        wanted |= {"InferUrl", "InferCallerPolicy"}
    return [] if set(stack.outputs) == wanted else [f"outputs are {sorted(stack.outputs)}"]


def check_events(_stack):
    """The payloads for `cargo lambda invoke` are JSON of the shape that AWS sends."""
    problems, folder = [], EVENTS
    wanted = {"infer-http", "poison-in-ten", "s3-test-event", "sweep", "sweep-deep", *STAGES}
    have = {file.stem for file in folder.glob("*.json")}
    if have != wanted:
        problems.append(f"there are events {sorted(have)}, wanted are {sorted(wanted)}")
    events = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*.json")}
    batches = {name: event["Records"] for name, event in sorted(events.items()) if "Records" in event}
    request = events.get("infer-http", {})
    for name, well in (
        # What each is told by: functions/platform/src/event/body.rs, functions/sweep/src/lib.rs.
        ("s3-test-event", events.get("s3-test-event", {}).get("Event") == "s3:TestEvent"),
        ("sweep", "sweep" not in events.get("sweep", {}) and events.get("sweep", {}).get("source") == "aws.events"),
        ("sweep-deep", events.get("sweep-deep") == {"sweep": "deep"}),
        ("infer-http", request.get("version") == "2.0" and request["requestContext"]["http"]["path"] == request["rawPath"]),
    ):
        if not well:
            problems.append(f"{name}.json is not what AWS sends")
    for name, records in batches.items():
        ids = [r.get("messageId") for r in records]
        if not all(ids) or len(set(ids)) != len(ids):
            problems.append(f"{name}: records without ids of their own")
        for record in records:
            if record.get("eventSource") != "aws:sqs" or not {"ApproximateReceiveCount", "SentTimestamp"} <= set(record["attributes"]):
                problems.append(f"{name}: a record is no SQS message")
    for stage in STAGES[1:]:
        # The messages of the contract's own snapshots, so that these files follow the format.
        snapshot = (ROOT / f"functions/contract/tests/snapshots/message__{stage}.snap").read_text(encoding="utf-8")
        message = json.loads(snapshot.split("\n---\n", 1)[1])
        if stage not in batches or json.loads(batches[stage][0]["body"]) != message:
            problems.append(f"{stage}.json is not the message of the contract's snapshot")
    upload = json.loads(batches["preprocess"][0]["body"])["Records"][0]["s3"]["object"] if "preprocess" in batches else {}
    file = UPLOAD.read_bytes()
    if (upload.get("eTag"), upload.get("size")) != (hashlib.md5(file).hexdigest(), len(file)):
        problems.append(f"preprocess.json is not the upload of {UPLOAD.name}")
    if len(batches.get("poison-in-ten", [])) != 10:
        problems.append("poison-in-ten.json has not ten records")
    return problems


def check_page(stack):
    """The page for people has every parameter with its default, every right, and every alarm."""
    problems, lines = [], PAGE.read_text(encoding="utf-8").splitlines()
    rows = {tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines if line.startswith("|")}

    def named(prefixes, end):
        return " ".join(f"`{prefix}{end}`" for prefix in sorted(prefixes))

    for name in READS:
        row = (f"`{name}`", named(READS[name], "/"), named(WRITES[name], "/"), named(SENDS[name], ""))
        if row not in rows:
            problems.append(f"the page has no row of rights {row}")
    parameters = {row[0].strip("`") for row in rows if len(row) == 3 and re.fullmatch(r"`[A-Z][A-Za-z]+`", row[0])}
    alarms = {re.sub(r"^(Preprocess|Sample|Train|Eval|Infer)(?=DeadLetters|Age)", "{Stage}", name) for name in stack.of("AWS::CloudWatch::Alarm")}
    alarms = {re.sub(r"^(Preprocess|Sample|Train|Eval|InferHttp|Infer|Sweep)(?=Errors)", "{Function}", name) for name in alarms}
    explained = {row[0].strip("`") for row in rows if row[0].endswith("Alarm`")}
    if alarms != explained:
        problems.append(f"alarms are {sorted(alarms)}, the page explains {sorted(explained)}")
    if parameters - explained != set(stack.parameters):
        problems.append(f"parameters are {sorted(stack.parameters)}, the page explains {sorted(parameters - explained)}")
    return problems
