"""What an informer shows against a model of the server: under watches that lag, lists that jump
ahead, answers of writes that cross each other, and other writers.

The law, for every key and at every moment: what is read is the state of that key at some moment of
the server's history, not before the last write of ours that was answered, not before what the watch
has delivered, and not before what was read last.
"""

from __future__ import annotations

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from druid_operator.pkg.cache import Informer
from druid_operator.pkg.cache.stored_object import StoredObject, from_dict
from druid_operator.pkg.client import Scope
from druid_operator.pkg.clock import FakeClock
from druid_operator.pkg.meta import JSON, NamespacedName
from druid_operator.pkg.scheme.builtin import CONFIG_MAP

KEYS = st.sampled_from([NamespacedName("ns", name) for name in "ab"])


@attrs.frozen
class Event:
    """One write on the server: ``object`` is what it made, or what it deleted."""

    version: int
    key: NamespacedName
    object: JSON
    deleted: bool

    @property
    def stored(self) -> StoredObject:
        return from_dict(CONFIG_MAP, self.object)

    @property
    def identity(self) -> tuple[str, str] | None:
        """What a reader sees of it."""
        return None if self.deleted else _identity(self.stored)


def _identity(obj: StoredObject) -> tuple[str, str]:
    return obj.meta.uid, obj.meta.resource_version


class OverlayMachine(RuleBasedStateMachine):
    """``history`` is the server; ``delivered`` is how far the watch has come; ``answers`` are those
    of our writes that are still on their way."""

    def __init__(self) -> None:
        super().__init__()
        self.informer = Informer(CONFIG_MAP, Scope(), None, clock=FakeClock())  # type: ignore[arg-type] # never run
        self.history: list[Event] = []
        self.delivered = 0
        self.answers: list[Event] = []
        self.read_at: dict[NamespacedName, int] = {}
        self.answered: dict[NamespacedName, int] = {}
        self.informer.replace((), "0")

    # --- the server -----------------------------------------------------------------------------

    def state(self, key: NamespacedName, version: int) -> Event | None:
        found = [e for e in self.history if e.key == key and e.version <= version]
        return found[-1] if found and not found[-1].deleted else None

    @property
    def now(self) -> int:
        return len(self.history)

    def write(self, key: NamespacedName) -> Event:
        version = self.now + 1
        before = self.state(key, self.now)
        uid = before.object["metadata"]["uid"] if before else f"uid-{version}"
        metadata = {
            "name": key.name, "namespace": key.namespace, "uid": uid,
            "resourceVersion": str(version),
        }  # fmt: skip
        obj: JSON = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        return self._record(Event(version, key, obj, False))

    def remove(self, key: NamespacedName) -> Event | None:
        before = self.state(key, self.now)
        if before is None:
            return None
        version = self.now + 1
        metadata = {**before.object["metadata"], "resourceVersion": str(version)}
        return self._record(Event(version, key, {**before.object, "metadata": metadata}, True))

    def _record(self, event: Event) -> Event:
        self.history.append(event)
        return event

    # --- others and we --------------------------------------------------------------------------

    @rule(key=KEYS)
    def another_writes(self, key: NamespacedName) -> None:
        self.write(key)

    @rule(key=KEYS)
    def another_deletes(self, key: NamespacedName) -> None:
        self.remove(key)

    @rule(key=KEYS)
    def we_write(self, key: NamespacedName) -> None:
        self.answers.append(self.write(key))

    @rule(key=KEYS)
    def we_delete_what_we_read(self, key: NamespacedName) -> None:
        """Under the uid that was read: the server refuses when the name is another object's."""
        read, live = self.informer.get(key), self.state(key, self.now)
        if read is not None and live is not None and live.stored.meta.uid == read.meta.uid:
            deleted = self.remove(key)
            assert deleted is not None
            self.answers.append(deleted)

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def an_answer_arrives(self, data: st.DataObject) -> None:
        answer = self.answers.pop(data.draw(st.integers(0, len(self.answers) - 1)))
        if answer.deleted:
            self.informer.wrote_deletion(answer.key, answer.object["metadata"]["uid"])
        else:
            self.informer.wrote(answer.stored)
        self.answered[answer.key] = max(self.answered.get(answer.key, 0), answer.version)

    # --- the watch ------------------------------------------------------------------------------

    @precondition(lambda self: self.delivered < self.now)
    @rule()
    def an_event_arrives(self) -> None:
        event = self.history[self.delivered]
        self.delivered = event.version
        (self.informer.remove if event.deleted else self.informer.upsert)(event.stored)

    @rule()
    def a_bookmark_arrives(self) -> None:
        self.informer.bookmark(str(self.delivered))

    @rule(data=st.data())
    def a_list_arrives(self, data: st.DataObject) -> None:
        """As of some moment not before what was seen: later than it, as a rule."""
        self.delivered = data.draw(st.integers(self.delivered, self.now))
        found = [self.state(key, self.delivered) for key in {e.key for e in self.history}]
        self.informer.replace([e.stored for e in found if e is not None], str(self.delivered))

    # --- the law --------------------------------------------------------------------------------

    @invariant()
    def reads_are_moments_of_history_and_never_go_back(self) -> None:
        for key in {e.key for e in self.history}:
            found = self.informer.get(key)
            seen = None if found is None else _identity(found)
            not_before = max(self.delivered, self.answered.get(key, 0), self.read_at.get(key, 0))
            moments = [
                version
                for version in range(not_before, self.now + 1)
                if self._identity_at(key, version) == seen
            ]
            assert moments, f"{key.name}: {seen} is older than version {not_before}"
            self.read_at[key] = moments[0]

    def _identity_at(self, key: NamespacedName, version: int) -> tuple[str, str] | None:
        event = self.state(key, version)
        return event.identity if event else None

    @invariant()
    def lists_show_what_reads_show(self) -> None:
        listed = {obj.key: _identity(obj) for obj in self.informer.list()}
        for key in {e.key for e in self.history}:
            found = self.informer.get(key)
            assert listed.get(key) == (None if found is None else _identity(found))

    @invariant()
    def nothing_is_kept_when_all_was_delivered(self) -> None:
        if self.delivered == self.now and not self.answers:
            for key in {e.key for e in self.history}:
                found = self.informer.get(key)
                assert (None if found is None else _identity(found)) == self._identity_at(
                    key, self.now
                )


TestOverlayMachine = OverlayMachine.TestCase
TestOverlayMachine.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
