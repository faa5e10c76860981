"""The state of an approval, and what can be read from it: whose turn it is, what each may do, what is due."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from steward_core.approvals.definitions import Definition, Step, StepKind
from steward_core.approvals.trail import Act
from steward_core.forms.fields import Choice


class Status(Choice):
    """Where an approval stands. What was returned or withdrawn lies with the requester; approved, rejected and expired
    are ends."""

    RUNNING = "running", "审批中", "under way"
    RETURNED = "returned", "已退回申请人", "sent back to the requester"
    WITHDRAWN = "withdrawn", "已撤回", "withdrawn"
    APPROVED = "approved", "已同意", "approved"
    REJECTED = "rejected", "已拒绝", "rejected"
    EXPIRED = "expired", "已到期", "expired"


ENDS = frozenset({Status.APPROVED, Status.REJECTED, Status.EXPIRED})
WITH_REQUESTER = frozenset({Status.RETURNED, Status.WITHDRAWN})
AS_STAND_IN = frozenset({Act.APPROVE, Act.REJECT, Act.SEND_BACK})
AS_APPROVER = AS_STAND_IN | {Act.ADD_BEFORE, Act.ADD_AFTER, Act.DELEGATE, Act.TRANSFER}


@dataclass(frozen=True)
class Link:
    """One person's part: what was said (None: nothing yet), and by whom, which may be the delegate or a substitute."""

    person: UUID
    delegate: UUID | None = None
    said: bool | None = None
    by: UUID | None = None


@dataclass(frozen=True)
class Chain:
    """An approver's place: those asked before, the approver, those asked after. It is a yes once all of them agree."""

    links: tuple[Link, ...]

    @property
    def said(self) -> bool | None:
        """What the whole place says; None while it is open."""
        if any(link.said is False for link in self.links):
            return False
        return True if all(link.said for link in self.links) else None

    @property
    def open_link(self) -> int | None:
        """The number of the link whose turn it is."""
        if self.said is not None:
            return None
        return next(number for number, link in enumerate(self.links) if link.said is None)


@dataclass(frozen=True)
class Stage:
    """A step as it takes place; without chains it is left out."""

    step: str
    kind: StepKind
    need: int
    chains: tuple[Chain, ...]

    @property
    def people(self) -> frozenset[UUID]:
        """Everyone who has a part in it."""
        return frozenset(
            person
            for chain in self.chains
            for link in chain.links
            for person in (link.person, link.delegate, link.by)
            if person is not None
        )

    @property
    def seats(self) -> frozenset[UUID]:
        """Everyone who is asked in it."""
        return frozenset(link.person for chain in self.chains for link in chain.links)

    @property
    def voices(self) -> frozenset[UUID]:
        """Everyone who has said something in it."""
        return frozenset(link.by for chain in self.chains for link in chain.links if link.by is not None)

    @property
    def said(self) -> bool | None:
        """What the step says: enough yes, or a no that ends it; None while it is open."""
        yes = sum(chain.said is True for chain in self.chains)
        no = sum(chain.said is False for chain in self.chains)
        # Among several of whom some suffice, a no ends it only once the others are too few.
        if len(self.chains) - no < self.need if self.kind is StepKind.N_OF_M else no:
            return False
        return True if yes >= self.need else None

    def links(self) -> Iterator[Link]:
        """All parts in it."""
        for chain in self.chains:
            yield from chain.links

    def open_places(self) -> Iterator[Place]:
        """The places whose turn it is."""
        for chain_number, chain in enumerate(self.chains):
            number = chain.open_link
            if number is not None:
                yield Place(chain_number, number)
                if self.kind is StepKind.SEQUENCE:
                    return


class Place(NamedTuple):
    """Where in a stage a link stands."""

    chain: int
    link: int


class Turn(NamedTuple):
    """Somebody whose turn it is: `asked` is the approver, `stand_ins` who may decide in the approver's place."""

    asked: UUID
    stand_ins: tuple[UUID, ...]


@dataclass(frozen=True)
class State:
    """An approval after its trail. `turn` counts how often a step opened, `submissions` how often it was submitted.

    `seated` are the stages as they were filled, without anything said: what a step begins from when it is sent back.
    `successor` has the subject now, besides the requester.
    """

    definition: Definition
    requester: UUID
    status: Status
    stages: tuple[Stage, ...]
    seated: tuple[Stage, ...]
    open_stage: int
    turn: int
    submissions: int
    opened_at: datetime
    administrators: frozenset[UUID]
    barred: frozenset[UUID]
    substitutes: Mapping[UUID, UUID] = field(default_factory=dict)
    reminders: int = 0
    successor: UUID | None = None

    @property
    def requesters(self) -> frozenset[UUID]:
        """Who may withdraw it and submit it again."""
        return frozenset({self.requester} if self.successor is None else {self.requester, self.successor})

    @property
    def stage(self) -> Stage:
        """The stage that is, or was last, open."""
        return self.stages[self.open_stage]

    @property
    def step(self) -> Step:
        """The step of that stage."""
        return self.definition.step(self.stage.step)

    def place_of(self, person: UUID) -> tuple[Place, bool] | None:
        """Where a person may decide at present, and whether as the approver (else as a stand-in). Nobody decides twice
        in a step, or on a matter of their own; who is asked in a step stands in for nobody else there, so that several
        yes are those of several people."""
        if self.status is not Status.RUNNING or person in self.barred or person in self.stage.voices:
            return None
        places = list(self.stage.open_places())
        for place in places:
            if self.stage.chains[place.chain].links[place.link].person == person:
                return place, True
        if person in self.stage.seats:
            return None
        for place in places:
            link = self.stage.chains[place.chain].links[place.link]
            if person in {link.delegate, self.substitutes.get(link.person)}:
                return place, False
        return None

    def turns(self) -> tuple[Turn, ...]:
        """Whose turn it is; empty unless it is under way."""
        if self.status is not Status.RUNNING:
            return ()
        out = self.barred | self.stage.voices | self.stage.seats
        links = [self.stage.chains[place.chain].links[place.link] for place in self.stage.open_places()]
        return tuple(
            Turn(
                link.person,
                tuple(
                    dict.fromkeys(
                        one
                        for one in (link.delegate, self.substitutes.get(link.person))
                        if one is not None and one not in out
                    )
                ),
            )
            for link in links
        )

    def may(self, person: UUID) -> frozenset[Act]:
        """What a person may do at present."""
        if self.status in ENDS:
            return frozenset()
        found = self.place_of(person)
        acts = frozenset() if found is None else AS_APPROVER if found[1] else AS_STAND_IN
        if person in self.requesters:
            acts |= {Act.RESUBMIT} if self.status in WITH_REQUESTER else frozenset()
            acts |= {Act.WITHDRAW} if self.status is not Status.WITHDRAWN else frozenset()
        if person in self.administrators - self.barred:
            acts |= {Act.SUBSTITUTE}
            acts |= {Act.REPLACE} if self.status is Status.RUNNING else frozenset()
        return acts

    @property
    def remind_at(self) -> datetime | None:
        """When the next reminder is due."""
        if self.status is not Status.RUNNING or self.reminders >= len(self.step.remind_after):
            return None
        return self.opened_at + timedelta(minutes=self.step.remind_after[self.reminders])

    @property
    def expires_at(self) -> datetime | None:
        """When it ends without a decision."""
        after = self.step.expires_after
        return None if self.status is not Status.RUNNING or after is None else self.opened_at + timedelta(minutes=after)

    def due(self, now: datetime) -> Act | None:
        """What the clock has to do by now."""
        if self.expires_at is not None and now >= self.expires_at:
            return Act.EXPIRE
        return Act.REMIND if self.remind_at is not None and now >= self.remind_at else None
