"""Elections in virtual time: who leads when, and who may write until when."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from druid_operator.pkg.errors import Forbidden, LeaderLost
from druid_operator.pkg.metrics import Metrics

LEASE, DEADLINE, RETRY = 15.0, 10.0, 2.0


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_the_first_candidate_creates_the_lease_and_leads(server, candidate) -> None:
    a = candidate("a", labels={"app": "x"})
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(1)
    a.elector.check_fence()
    assert server.lease["metadata"] == {
        "name": "lease",
        "namespace": "ns",
        "labels": {"app": "x"},
        "resourceVersion": "1",
    }
    spec = server.lease["spec"]
    assert spec["acquireTime"] == spec["renewTime"] == "2026-01-01T00:00:00.001000Z"
    assert (spec["holderIdentity"], spec["leaseDurationSeconds"]) == ("a", 15)
    a.stop.set()
    await leading
    assert a.events == ["a became leader", "a stopped leading"]


async def test_renewing_writes_without_reading_and_keeps_the_acquire_time(
    server, candidate
) -> None:
    a = candidate("a")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(60)
    assert a.client.requests[:2] == ["get", "create"]
    assert set(a.client.requests[2:]) == {"update"}
    assert 28 <= len(a.client.requests) - 2 <= 30
    spec = server.lease["spec"]
    assert spec["acquireTime"] == "2026-01-01T00:00:00.001000Z"
    assert spec["renewTime"] > "2026-01-01T00:00:57"
    assert spec["leaseTransitions"] == 0
    a.stop.set()
    await leading


async def test_a_crashed_leader_is_followed_within_lease_and_five_retries(
    server, candidate
) -> None:
    a, b = candidate("a"), candidate("b")
    leading = asyncio.ensure_future(a.run())
    following = asyncio.ensure_future(b.run())
    await asyncio.sleep(20)
    assert a.elector.is_leader
    a.client.hang()
    last_renewal = server.history[-1][0]
    with pytest.raises(LeaderLost, match="not renewed within 10 s"):
        await leading
    assert a.led_until <= last_renewal + DEADLINE
    await b.leads.wait()
    assert LEASE <= now() - last_renewal <= LEASE + 5 * RETRY
    assert server.lease["spec"]["leaseTransitions"] == 1
    b.stop.set()
    await following


@pytest.mark.parametrize("fault", ["cut", "hang"])
async def test_a_leader_that_cannot_renew_stops_work_at_the_deadline(
    server, candidate, fault
) -> None:
    a = candidate("a")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(7)
    getattr(a.client, fault)()
    with pytest.raises(LeaderLost):
        await leading
    assert a.led_until == pytest.approx(server.history[-1][0] + DEADLINE, abs=0.01)
    assert not a.elector.is_leader
    with pytest.raises(LeaderLost):
        a.elector.check_fence()
    assert server.holder == "a"  # a lost lease is not given back: it has to lapse


async def test_a_leader_survives_an_outage_shorter_than_the_deadline(server, candidate) -> None:
    a = candidate("a")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(1)
    for _ in range(3):
        a.client.hang()
        await asyncio.sleep(DEADLINE - RETRY - 0.1)
        a.client.heal()
        await asyncio.sleep(6)
        a.elector.check_fence()
    a.stop.set()
    await leading


async def test_a_refusal_of_any_kind_is_tried_again(server, candidate) -> None:
    a = candidate("a")
    left = [Forbidden("no"), OSError("reset"), ValueError("not JSON"), TimeoutError()]

    async def fail() -> None:
        if left:
            raise left.pop()

    a.client.fault = fail
    leading = asyncio.ensure_future(a.run())
    await a.leads.wait()
    assert left == []
    a.stop.set()
    await leading


async def test_a_renewal_whose_answer_is_lost_does_not_cost_the_lease(server, candidate) -> None:
    a = candidate("a")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(1)
    a.client.lose_answers = True
    await asyncio.sleep(3)
    a.client.lose_answers = False
    await asyncio.sleep(30)
    a.elector.check_fence()
    assert server.lease["spec"]["leaseTransitions"] == 0
    a.stop.set()
    await leading


async def test_a_leader_that_sees_another_holder_stops_at_once(server, candidate) -> None:
    a = candidate("a")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(5)
    server.lease["spec"]["holderIdentity"] = "usurper"
    server.store(server.lease)
    with pytest.raises(LeaderLost, match="held by usurper"):
        await leading
    assert now() <= server.history[-1][0] + RETRY + 0.01
    assert server.holder == "usurper"


async def test_a_leader_whose_lease_was_deleted_writes_it_anew(server, candidate) -> None:
    a = candidate("a")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(5)
    server.lease = None
    await asyncio.sleep(5)
    assert server.holder == "a"
    a.elector.check_fence()
    a.stop.set()
    await leading


@pytest.mark.parametrize("skew", [3600.0, -3600.0])
async def test_c31_a_wrong_wall_clock_takes_no_lease_early(server, candidate, skew) -> None:
    a, b = candidate("a"), candidate("b", skew=skew)
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(1)
    following = asyncio.ensure_future(b.run())
    await asyncio.sleep(300)
    assert b.led_from is None
    assert {holder for _, holder in server.history} == {"a"}
    a.stop.set()
    await leading
    await b.leads.wait()
    b.stop.set()
    await following


async def test_c33_after_a_clean_stop_the_successor_leads_within_one_retry(
    server, candidate
) -> None:
    a, b = candidate("a"), candidate("b")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(1)
    following = asyncio.ensure_future(b.run())
    await asyncio.sleep(30)
    a.stop.set()
    await leading
    released = now()
    assert (server.holder, server.lease["spec"]["leaseDurationSeconds"]) == ("", 1)
    await b.leads.wait()
    assert now() - released <= RETRY * (1 + 1.2)
    assert b.led_from >= a.led_until
    b.stop.set()
    await following


async def test_cancelling_ends_the_work_first_and_then_gives_the_lease_back(
    server, candidate
) -> None:
    a = candidate("a")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(5)
    leading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leading
    assert server.holder == ""
    assert a.led_until <= server.history[-1][0]


async def test_a_second_cancellation_gives_up_the_release(server, candidate) -> None:
    a = candidate("a")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(5)
    a.client.hang()
    leading.cancel()
    await asyncio.sleep(1)
    leading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leading
    assert server.holder == "a"


async def test_a_release_that_hangs_ends_by_its_own_limit(server, candidate) -> None:
    a = candidate("a")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(5)
    a.client.hang()
    stopped = now()
    a.stop.set()
    await leading
    assert now() - stopped == pytest.approx(5.0, abs=0.01)


async def test_the_lease_is_kept_on_stop_when_that_is_asked_for(server, candidate) -> None:
    a = candidate("a", release_on_stop=False)
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(5)
    a.stop.set()
    await leading
    assert server.holder == "a"


async def test_what_the_work_raises_comes_out_and_the_lease_is_given_back(
    server, candidate
) -> None:
    a = candidate("a")

    async def fail() -> None:
        raise RuntimeError("the work failed")

    with pytest.raises(RuntimeError, match="the work failed"):
        await a.elector.run(fail)
    assert server.holder == ""


async def test_work_that_meets_the_fence_loses_the_lease(server, candidate) -> None:
    a = candidate("a")

    async def write() -> None:
        a.elector.check_fence()
        raise LeaderLost("the fence")

    with pytest.raises(LeaderLost):
        await a.elector.run(write)
    assert not a.elector.is_leader
    assert server.holder == "a"


async def test_the_fence_closes_when_the_lease_runs_out_unrenewed(server, candidate) -> None:
    """The loop stands still past the lease: nothing has told the elector, and yet nothing may be
    written."""
    a = candidate("a")
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(5)
    assert a.elector.is_leader
    asyncio.get_running_loop()._virtual.elapsed += LEASE
    with pytest.raises(LeaderLost):
        a.elector.check_fence()
    with pytest.raises(LeaderLost):
        await leading


async def test_the_lease_counts_from_before_the_request_and_not_from_its_answer(
    server, candidate
) -> None:
    a = candidate("a")
    a.client.answer_delay = 3.0
    leading = asyncio.ensure_future(a.run())
    for _ in range(40):
        await asyncio.sleep(1)
        if a.elector.is_leader:
            assert a.elector.valid_until() <= server.history[-1][0] + LEASE
    assert len(server.history) > 5
    a.stop.set()
    await leading


async def test_health_fails_only_long_after_the_lease_ran_out(server, candidate) -> None:
    a = candidate("a")
    a.elector.check_healthy()
    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(5)
    loop = asyncio.get_running_loop()
    loop._virtual.elapsed += LEASE + 19
    a.elector.check_healthy()
    loop._virtual.elapsed += 2
    with pytest.raises(LeaderLost):
        a.elector.check_healthy()
    with pytest.raises(LeaderLost):
        await leading


async def test_two_candidates_never_lead_at_once_whatever_is_cut(server, candidate) -> None:
    candidates = [candidate(name) for name in "abc"]
    spans: list[tuple[float, float, str]] = []

    async def live(one) -> None:
        """Like a process that is restarted whenever it ends."""
        while True:
            one.led_from = None
            try:
                await one.run()
            except LeaderLost:
                spans.append((one.led_from, one.led_until, one.elector.identity))

    lives = [asyncio.ensure_future(live(one)) for one in candidates]
    for round_ in range(12):
        await asyncio.sleep(17)
        victim = next(c for c in candidates if c.elector.identity == server.holder)
        victim.client.cut() if round_ % 2 else victim.client.hang()
        await asyncio.sleep(31)
        victim.client.heal()
    for one in lives:
        one.cancel()
    await asyncio.gather(*lives, return_exceptions=True)
    spans.sort()
    assert len(spans) >= 10
    for (_, ended, _), (began, _, _) in itertools.pairwise(spans):
        assert ended < began


async def test_the_metric_is_one_while_leading_and_zero_before_and_after(server, candidate) -> None:
    metrics = Metrics()
    a = candidate("a")
    a.elector._status = metrics.leader_election_master_status.labels("lease")

    def status() -> float | None:
        return metrics.registry.get_sample_value("leader_election_master_status", {"name": "lease"})

    leading = asyncio.ensure_future(a.run())
    await asyncio.sleep(0)
    assert status() == 0
    await asyncio.sleep(5)
    assert status() == 1
    a.stop.set()
    await leading
    assert status() == 0


async def test_c27_after_a_loss_stuck_work_has_two_seconds_and_then_the_process_ends(
    server, candidate
) -> None:
    a = candidate("a")
    stuck = asyncio.Event()

    async def ignore_everything() -> None:
        while not stuck.is_set():
            try:
                await stuck.wait()
            except asyncio.CancelledError:
                continue

    leading = asyncio.ensure_future(a.elector.run(ignore_everything))
    await asyncio.sleep(5)
    a.client.cut()
    lost_at = server.history[-1][0] + DEADLINE
    await asyncio.sleep(lost_at + 1.9 - now())
    assert not a.elector.is_leader
    assert not a.elector._watchdog.check()
    await asyncio.sleep(0.2)
    assert a.elector._watchdog.check()
    assert a.exits == [1]
    stuck.set()
    with pytest.raises(LeaderLost):
        await leading


async def test_the_watchdog_is_content_while_the_lease_is_renewed_and_after_a_clean_stop(
    server, candidate
) -> None:
    a = candidate("a")
    assert not a.elector._watchdog.check()
    leading = asyncio.ensure_future(a.run())
    for _ in range(20):
        await asyncio.sleep(LEASE / 3)
        assert not a.elector._watchdog.check()
    a.stop.set()
    await leading
    await asyncio.sleep(3 * LEASE)
    assert not a.elector._watchdog.check()
    assert a.exits == []
