"""What the code of each function does, with the place that does it, and the rights that follow.

A reference is `file: text`. The text must stand in the file, so that a row goes when its code goes; and every key that a function's
code builds must have a row, so that new code cannot be forgotten here. What no row names is forbidden.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
STAGES = ("preprocess", "sample", "train", "eval", "infer")

# Every prefix there is (functions/contract/src/keys.rs), the trigger prefix that no function reads yet, and that of `flits doctor`.
PREFIXES = (
    "raw", "requests", "specs", "resolved", "uploads", "clean", "samples", "models", "checkpoints", "work", "rounds",
    "champion", "forecasts", "jobs", "failed", "dead", "doctor",
)

PLATFORM = "functions/platform/src"

# What the driver does for every stage.
DRIVER_READS = {
    "resolved": f"{PLATFORM}/documents.rs: keys::resolved(dataset, digest)",
    "jobs": f"{PLATFORM}/ledger/swap.rs: keys::ledger(job)",
    "work": f"{PLATFORM}/driver/perform.rs: keys::work(checked.identity.work)",
}
DRIVER_WRITES = {
    "jobs": f"{PLATFORM}/ledger/swap.rs: keys::ledger(ledger.job)",
    "work": f"{PLATFORM}/driver/perform.rs: create_or_adopt(store, &keys::work(work), manifest)",
    "failed": f"{PLATFORM}/driver/settle.rs: keys::failed(about.job())",
}
# The front door: for preprocess, and for the look of sweep at an upload.
FRONT_READS = {
    "raw": f"{PLATFORM}/front/receipt.rs: .download(key, &meta.etag",
    "specs": f"{PLATFORM}/front/spec.rs: keys::spec(dataset)",
    "uploads": f"{PLATFORM}/front/receipt.rs: documents::read::<Receipt>(platform.store.as_ref(), &place)",
}
FRONT_WRITES = {
    "uploads": f"{PLATFORM}/front/receipt.rs: create_or_adopt(platform.store.as_ref(), &place, receipt)",
    "resolved": f"{PLATFORM}/front/spec.rs: keys::resolved(dataset, digest)",
}

READS = {
    # Outputs of its own are looked at too, by HEAD, which is s3:GetObject: `outputs.objects` in driver/perform.rs.
    "preprocess": DRIVER_READS | FRONT_READS | {
        "clean": "functions/contract/src/document.rs: Self::Preprocess(made) => vec![keys::clean",
    },
    "sample": DRIVER_READS | {
        "clean": "functions/sample/src/lib.rs: keys::clean(&task.dataset, task.part, task.clean)",
        "samples": "functions/sample/src/lib.rs: &keys::cut(&task.dataset, task.part, made.cut)",
        "rounds": "functions/sample/src/lib.rs: create_or_adopt(&*platform.store, &key, round)",
    },
    "train": DRIVER_READS | {
        "samples": "functions/train/src/lib.rs: keys::cut(&task.dataset, task.part, task.cut)",
        "clean": "functions/train/src/lib.rs: keys::clean(&task.dataset, task.part, cut.clean)",
        "models": "functions/train/src/lib.rs: keys::artifact(&task.dataset, task.part, parent)",
        "checkpoints": f"{PLATFORM}/driver/mod.rs: keys::checkpoint(task.dataset(), task.part(), digest)",
    },
    "eval": DRIVER_READS | {
        "samples": "functions/eval/src/lib.rs: keys::cut(&task.dataset, task.part, task.cut)",
        "clean": "functions/eval/src/lib.rs: keys::clean(&task.dataset, task.part, cut.clean)",
        "models": "functions/eval/src/lib.rs: keys::artifact(&task.dataset, task.part, artifact)",
        "forecasts": "functions/eval/src/ensemble.rs: keys::forecast(&round.dataset, round.part, select)",
        "rounds": "functions/eval/src/join.rs: keys::outcome(&round.dataset, round.part, round.round, member)",
        "champion": "functions/eval/src/champions.rs: keys::champion_entry(self.dataset, self.part, generation)",
        "failed": "functions/eval/src/join.rs: read::<Failure>(store, &keys::failed(job))",
    },
    "infer": DRIVER_READS | {
        "champion": "functions/infer/src/lib.rs: keys::champion_entry(&task.dataset, task.part, task.generation)",
        "samples": "functions/infer/src/lib.rs: keys::cut(&task.dataset, task.part, entry.sample)",
        "models": "functions/infer/src/lib.rs: keys::artifact(&task.dataset, task.part, task.artifact)",
        "clean": "functions/infer/src/lib.rs: keys::clean(&task.dataset, task.part, task.clean)",
        "forecasts": "functions/infer/src/latest.rs: keys::latest(dataset, part)",
    },
    "infer-http": {
        "champion": "functions/infer/src/serving/champions.rs: keys::champion_hint(dataset, PartId::WHOLE)",
        "samples": "functions/infer/src/serving/champion.rs: keys::cut(dataset, part, entry.sample)",
        "models": "functions/infer/src/serving/champion.rs: keys::artifact(dataset, part, entry.artifact)",
        "clean": "functions/infer/src/serving/champion.rs: keys::clean(dataset, PartId::WHOLE, clean)",
        "resolved": "functions/infer/src/serving/champion.rs: walk::spec(store, dataset, entry.spec)",
        "forecasts": "functions/infer/src/serving/stored.rs: bucket::latest(store, dataset)",
    },
    "sweep": FRONT_READS | {
        "jobs": "functions/sweep/src/jobs.rs: walk::stored_ledger(platform.store.as_ref(), job)",
        "resolved": f"{PLATFORM}/driver/tend.rs: documents::read_spec(platform.store.as_ref(), task.dataset(), task.spec())",
    },
}

WRITES = {
    "preprocess": DRIVER_WRITES | FRONT_WRITES | {
        "clean": "functions/preprocess/src/lib.rs: keys::clean(&task.dataset, PartId::WHOLE, facts.clean)",
    },
    "sample": DRIVER_WRITES | {
        "samples": "functions/sample/src/lib.rs: put_named(&keys::cut(&task.dataset, task.part, digest), bytes)",
        "rounds": "functions/sample/src/lib.rs: keys::round(&task.dataset, task.part, round.round)",
    },
    "train": DRIVER_WRITES | {
        "models": "functions/train/src/lib.rs: put_named(&keys::artifact(&task.dataset, task.part, digest)",
        "checkpoints": f"{PLATFORM}/driver/settle.rs: keys::checkpoint(task.dataset(), task.part(), digest)",
    },
    "eval": DRIVER_WRITES | {
        "models": "functions/eval/src/ensemble.rs: store.put_named(&key, made.bytes.into())",
        "forecasts": "functions/eval/src/lib.rs: keys::forecast(&task.dataset, task.part, digest)",
        "rounds": "functions/eval/src/join.rs: keys::decision(&round.dataset, round.part, round.round)",
        "champion": "functions/eval/src/champions.rs: create_or_adopt(self.store, &key, entry)",
    },
    "infer": DRIVER_WRITES | {
        "forecasts": "functions/infer/src/lib.rs: put_named(&keys::forecast(&task.dataset, task.part, forecast), bytes)",
    },
    "infer-http": {},
    "sweep": FRONT_WRITES | {
        "jobs": f"{PLATFORM}/driver/send.rs: transition::mark_sent(&found.ledger",
        "failed": f"{PLATFORM}/driver/tend.rs: settle::not_ours(About::Job(&checked), why, platform)",
    },
}

# Which listings are made; those of other functions would be a mistake, but s3:ListBucket on what a function reads is what tells it
# that a key is missing, so they are allowed.
LISTS = {
    "sweep": {
        "jobs": "functions/sweep/src/listing.rs: keys::JOBS",
        "raw": "functions/sweep/src/listing.rs: keys::RAW",
        "uploads": "functions/sweep/src/uploads.rs: keys::RECEIPTS",
    },
    "infer-http": {"champion": "functions/infer/src/serving/models.rs: .list(CHAMPIONS"},
}

SENDS = {
    "preprocess": {"sample": "functions/preprocess/src/lib.rs: Next::per_part(template.into()"},
    "sample": {"train": "functions/sample/src/lib.rs: Next::per_member(train("},
    "train": {
        "eval": "functions/train/src/lib.rs: Next::one(eval(&job.task, made.artifact).into())",
        "train": f"{PLATFORM}/driver/settle.rs: Next::continuation(task.clone(), hop)",
    },
    "eval": {
        "infer": "functions/eval/src/lib.rs: Next::one(infer(task, &round, &entry).into())",
        "train": "functions/eval/src/lib.rs: Next::one(refit::train(task, &entry).into())",
        "eval": f"{PLATFORM}/driver/about.rs: Task::Eval(t) if !t.skip_scoring => Next::one(Task::Eval(",
    },
    "infer": {},
    "infer-http": {},
    "sweep": {stage: f"{PLATFORM}/driver/tend.rs: platform.outbox.send(stage, &[body])" for stage in STAGES},
}

# What Lambda does with a function's role to deliver its queue, and the driver to hide a message.
RECEIVING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")

# Never, for any function and any resource.
NEVER = (
    "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectVersion", "s3:PutObjectAcl", "s3:PutObjectTagging",
    "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "s3:PutBucketNotification", "s3:DeleteBucket",
    "sqs:PurgeQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:AddPermission",
    "logs:CreateLogGroup", "logs:DeleteLogGroup", "logs:FilterLogEvents", "lambda:InvokeFunction", "lambda:UpdateFunctionCode",
    "iam:PassRole", "sts:AssumeRole", "kms:Decrypt", "xray:PutTraceSegments", "sns:Publish", "ec2:CreateNetworkInterface",
)


def references():
    """Returns every reference of the tables."""
    tables = [*READS.values(), *WRITES.values(), *LISTS.values(), *SENDS.values()]
    return sorted({reference for table in tables for reference in table.values()})


def stale_references():
    problems = []
    for reference in references():
        path, text = reference.split(": ", 1)
        file = ROOT / path
        # Formatting breaks lines where it likes.
        code = re.sub(r"\s+", "", file.read_text(encoding="utf-8")) if file.exists() else ""
        if re.sub(r"\s+", "", text) not in code:
            problems.append(f"{path} no longer has `{text}`: who reads, writes or sends must be looked up again")
    return problems


def prefixes_of_keys():
    """Returns the prefix that each function of keys.rs builds."""
    code = (ROOT / "functions/contract/src/keys.rs").read_text(encoding="utf-8")
    constants = dict(re.findall(r'pub const (\w+): &str = "(\w+)/";', code))
    found = {}
    for name, body in re.findall(r"pub fn (\w+)\(.*?\{\n(.*?)\n\}", code, re.DOTALL):
        built = re.search(r'format!\("(?:(\w+)/|\{([A-Z]+)\})', body)
        if built:
            found[name] = built[1] or constants[built[2]]
    return found | {name: prefix for name, prefix in constants.items()}


def forgotten_keys():
    """Finds keys that a function's code builds and the tables do not name."""
    prefixes, problems = prefixes_of_keys(), []
    folders = {name: [ROOT / f"functions/{name}/src"] for name in (*STAGES, "sweep")}
    # What a person does with a command (rollback) runs with that person's rights.
    person = {ROOT / "functions/eval/src/rollback.rs"}
    serving = ROOT / "functions/infer/src/serving"
    folders["infer-http"] = [serving]
    for function, places in folders.items():
        known = set(READS[function]) | set(WRITES[function]) | set(LISTS.get(function, {}))
        for file in sorted(file for place in places for file in place.rglob("*.rs") if file not in person):
            if function == "infer" and serving in file.parents:
                continue
            for name in re.findall(r"keys::(\w+)", file.read_text(encoding="utf-8")):
                # `joined` is about the documents of a round; the prefix of a JSON document only words an error.
                prefix = prefixes.get(name)
                if prefix is not None and prefix not in known:
                    problems.append(f"{file.relative_to(ROOT)} uses keys::{name}, but no row says that {function} may touch {prefix}/")
    return sorted(set(problems))
