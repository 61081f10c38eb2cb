"""``druid-operator export``: objects for what runs in a Druid; applying them posts nothing."""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
from pathlib import Path

from druid_operator.internal.ingestion.export import Exported, Running, export
from druid_operator.pkg.druidapi import (
    Credentials,
    DruidClient,
    DruidError,
    StaticCredentials,
    basic_authorization,
    bearer_authorization,
)
from druid_operator.pkg.meta.yaml import dump


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = subparsers.add_parser(
        "export",
        help="print DruidIngestion objects for what already runs in a Druid",
        description="Print one DruidIngestion for each supervisor of a Druid, with the retention "
        "rules and the compaction of its datasource, as YAML. Applying them posts nothing. "
        "Credentials become references to Secrets; what to put there is told on standard error, "
        "or printed with --with-secrets. Exit status: 0 printed, 1 Druid failed, 2 bad usage.",
    )
    add = parser.add_argument
    add("--url", required=True, help="of the router, or with --direct of a Coordinator-Overlord")
    add("--cluster", required=True, help="name of the Druid object that the ingestions belong to")
    add("--namespace", "-n", default="default", help="namespace of the objects; `default`")
    add("--direct", action="store_true", help="the URL is no router")
    add("--username", help="for basic authentication, with --password-file")
    add("--password-file", type=Path, metavar="FILE")
    add("--token-file", type=Path, metavar="FILE", help="for a bearer token")
    add("--ca-file", type=Path, metavar="FILE", help="whom to trust for https")
    add("--with-secrets", action="store_true", help="print the Secrets with their values, too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    try:
        credentials = _credentials(args)
        tls = ssl.create_default_context(cafile=args.ca_file) if args.ca_file else None
    except (OSError, ValueError) as error:
        print(f"druid-operator: {error}", file=sys.stderr)
        return 2
    try:
        running = asyncio.run(_read(args, credentials, tls))
    except DruidError as error:
        print(f"druid-operator: {error}", file=sys.stderr)
        return 1
    _print(export(running, cluster=args.cluster, namespace=args.namespace), args)
    return 0


def _credentials(args: argparse.Namespace) -> Credentials | None:
    if args.token_file:
        return StaticCredentials(bearer_authorization(args.token_file.read_text()))
    if bool(args.username) != bool(args.password_file):
        raise ValueError("--username and --password-file belong together")
    if not args.username:
        return None
    password = args.password_file.read_text().rstrip("\n")
    return StaticCredentials(basic_authorization(args.username, password))


async def _read(
    args: argparse.Namespace, credentials: Credentials | None, tls: ssl.SSLContext | None
) -> Running:
    client = DruidClient(args.url, via_router=not args.direct, credentials=credentials, tls=tls)
    async with client:
        able = await client.capabilities()
        listing = await client.supervisor_listing()
        return Running(
            supervisors={row.id: row.spec() for row in listing},
            rules=await client.all_rules(),
            compaction=await client.all_compaction(able.compaction_api),
        )


def _print(exported: Exported, args: argparse.Namespace) -> None:
    secrets = exported.secrets if args.with_secrets else ()
    sys.stdout.write("---\n".join(dump(obj) for obj in (*secrets, *exported.objects)))
    if not args.with_secrets:
        for secret in exported.secrets:
            keys = ", ".join(secret["stringData"])
            name = secret["metadata"]["name"]
            print(f"create Secret {name} with {keys} (or see --with-secrets)", file=sys.stderr)
    for note in exported.notes:
        print(f"not exported: {note}", file=sys.stderr)
