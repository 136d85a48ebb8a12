//! How a subscription begins: from its place in the past to the present, with no gap and nothing twice.
//!
//! What it missed is told as what it comes to: each record once, as it is now. What it was meanwhile is
//! not told, for it may be gone for good reason; nor is what it was before, which the client holds if it
//! was ever its to read. What was missed lately is told at once. What is further back comes in parts, one
//! after the other has been sent, so that no queue has to hold all of it; only then does the subscription
//! join those that are live.

use std::sync::Arc;
use std::time::Duration;

use crate::limits::requester;
use crate::live::groups::{
    RENAMED, SubscriptionScope, TOO_COSTLY, Telling, encode, may_be_matched, renamed,
};
use crate::live::hub::{ConnectionPermit, Hub, Subscription};
use crate::live::matcher::SoughtChange;
use crate::live::message::{Body, Message, Name, resync};
use crate::live::outbox::{Burst, MAX_WAITING, Outbox};
use crate::model::change::Change;
use crate::model::ids::{Position, RecordId, SealedPosition};
use crate::store::{ReadScope, RelatedLoader, Replay, ReplayPart};

/// How long a subscriber waits for the feed to reach what it has already read.
const CATCH_UP: Duration = Duration::from_secs(5);
/// The longest stretch of the past that is told at once, in bytes: there must be room for what
/// happens meanwhile.
const MAX_AT_ONCE: usize = MAX_WAITING / 2;

/// How far a subscription has come.
pub(super) enum Started {
    /// It hears everything from now on.
    Live(Subscription),
    /// It has yet to be told of the past.
    Behind(CatchUp),
}

/// A subscription that is on its way to the present.
#[derive(Clone)]
pub(super) struct CatchUp {
    pub(super) name: Name,
    pub(super) scope: SubscriptionScope,
    /// Everything up to here has been told, or was known.
    since: Position,
    /// The same as the client holds it.
    sealed: SealedPosition,
    /// The rest of a replay that is sent in parts.
    rest: Option<Rest>,
    /// Whether `subscribed` has been said.
    greeted: bool,
    /// The message that follows the first `subscribed` of a connection.
    connected: Option<Message>,
}

/// The rest of a replay.
#[derive(Clone)]
struct Rest {
    /// The position at which the replay ends.
    until: Position,
    /// The last record that was told; none at the beginning.
    last: Option<RecordId>,
}

/// The changes that a subscription missed.
enum Backlog {
    /// All of it, to be sent at once.
    Told(Burst),
    /// None can be said yet: the log has a commit that the feed has not sent.
    Ahead,
    /// Too much to be told at once.
    Much,
}

impl CatchUp {
    /// Returns the messages to send first.
    fn greeting(&self, position: &SealedPosition) -> Burst {
        if self.greeted {
            return Burst::new(Vec::new());
        }
        let subscribed = subscribed(&self.scope, &self.name, position);
        Burst::new(std::iter::once(subscribed).chain(self.connected.clone()).collect())
    }

    /// Gives up what has not been told: the client is told to read again, up to here.
    pub(super) fn skip(&mut self, position: Position, sealed: SealedPosition) -> Message {
        let told = resync(&self.name, "this connection reads too slowly", &sealed);
        self.since = position;
        self.sealed = sealed;
        self.rest = None;
        self.greeted = true;
        told
    }

    /// The scope that its positions move with.
    pub(super) fn reads(&self) -> ReadScope<'_> {
        self.scope.reads()
    }
}

impl Hub {
    /// Begins a subscription: says `subscribed`, and `connected` if it is given, then what happened
    /// after `since`, then everything that follows.
    pub(super) async fn subscribe(
        self: &Arc<Self>,
        connection: (&ConnectionPermit, &Arc<Outbox>),
        name: Name,
        scope: SubscriptionScope,
        since: Option<SealedPosition>,
        connected: Option<Message>,
    ) -> Started {
        if since.is_some() {
            self.metrics.replay();
        }
        // Without `since` it begins now: what was committed before is not news.
        let seal = &self.telling.seal;
        let here = self.store.log().position().await.ok();
        let (since, sealed) = match since {
            Some(sealed) => (seal.open(&sealed), sealed),
            None => {
                let now = here.clone().unwrap_or_else(|| self.position());
                let sealed = self.store.log().hand_out(&now, scope.reads()).await;
                (now, sealed)
            }
        };
        let behind = CatchUp { name, scope, since, sealed, rest: None, greeted: false, connected };
        self.catch_up(connection, behind, here).await
    }

    /// Brings a subscription nearer to the present. Its queue must be empty, or almost.
    pub(super) async fn go_on(
        self: &Arc<Self>,
        connection: (&ConnectionPermit, &Arc<Outbox>),
        behind: CatchUp,
    ) -> Started {
        let here = match behind.rest {
            Some(_) => None,
            None => self.store.log().position().await.ok(),
        };
        self.catch_up(connection, behind, here).await
    }

    /// Brings a subscription nearer to the present: it joins once the feed has come as far as `here`, the end of the
    /// log. Where it joined before, it would be sent, as news, each state that records had on the way from there to
    /// here, and some of them are no more.
    async fn catch_up(
        self: &Arc<Self>,
        (admission, outbox): (&ConnectionPermit, &Arc<Outbox>),
        behind: CatchUp,
        here: Option<Position>,
    ) -> Started {
        let mut told = self.position.subscribe();
        loop {
            // Join before reading the past, or a change between the two would be lost.
            let (name, scope) = (&behind.name, &behind.scope);
            let (subscription, joined_at) = self.join(admission.id, outbox, name, scope);
            let is_late =
                here.as_ref().is_some_and(|here| self.store.log().is_ahead(here, &joined_at));
            let missed = match behind.rest {
                Some(_) => Ok(Backlog::Much),
                None if is_late => Ok(Backlog::Ahead),
                None => self.missed(&subscription, &behind, &joined_at).await,
            };
            let reason = match missed {
                Ok(Backlog::Told(burst)) => {
                    self.metrics.replayed(burst.len());
                    let first = [behind.greeting(&behind.sealed), burst];
                    return self.go_live(subscription, first);
                }
                Ok(Backlog::Ahead) => {
                    drop(subscription);
                    told.mark_unchanged();
                    if *told.borrow() == joined_at {
                        // Running out of time only means looking again.
                        let _ = tokio::time::timeout(CATCH_UP, told.changed()).await;
                    }
                    continue;
                }
                // A component is read again at less cost than that.
                Ok(Backlog::Much) if scope.component.is_some() => "too much has changed since then",
                Ok(Backlog::Much) => match self.part(&behind, joined_at.clone()).await {
                    Ok((burst, next)) => {
                        drop(subscription);
                        self.metrics.replayed(burst.len());
                        outbox.push_burst(behind.greeting(&behind.sealed));
                        outbox.push_burst(burst);
                        return Started::Behind(next);
                    }
                    Err(reason) => reason,
                },
                Err(reason) => reason,
            };
            self.metrics.resync();
            let joined_at = self.store.log().hand_out(&joined_at, scope.reads()).await;
            let resync = Burst::new(vec![resync(name, reason, &joined_at)]);
            let first = [behind.greeting(&joined_at), resync];
            return self.go_live(subscription, first);
        }
    }

    fn go_live(&self, subscription: Subscription, first: [Burst; 2]) -> Started {
        self.lock().groups.go_live(&subscription.seat, &subscription.name, first);
        Started::Live(subscription)
    }

    /// Returns the changes that a subscription missed. Fails with the reason for a `resync`.
    async fn missed(
        &self,
        subscription: &Subscription,
        CatchUp { since, .. }: &CatchUp,
        until: &Position,
    ) -> Result<Backlog, &'static str> {
        let Subscription { seat, name, scope, .. } = subscription;
        let stretch = (seat.group, name.clone(), since.clone(), until.clone());
        if let Some(told) = self.lock().past.get(&stretch) {
            return Ok(Backlog::Told(told));
        }
        match self.store.log().between(since, until, &scope.table.name).await {
            Ok(Replay::Changes(changes)) => {
                if self.is_renamed_between(scope, since, until).await? {
                    return Err(RENAMED);
                }
                let leads = self.leads_of(scope, &changes).await?;
                let burst = self.replayed(&changes, (name, scope), &leads)?;
                if burst.length() > MAX_AT_ONCE {
                    return Ok(Backlog::Much);
                }
                self.lock().past.keep(stretch, &burst);
                Ok(Backlog::Told(burst))
            }
            Ok(Replay::Much) => Ok(Backlog::Much),
            Ok(Replay::Ahead) => Ok(Backlog::Ahead),
            Ok(Replay::Gone) => Err(NOT_KEPT),
            Err(error) => {
                tracing::warn!("cannot replay changes: {error}");
                Err(NOT_NOW)
            }
        }
    }

    /// Encodes the missed changes for a scope. Fails if matching them would exceed the requester's budget.
    fn replayed(
        &self,
        changes: &[Change],
        (name, scope): (&Name, &SubscriptionScope),
        leads: &RelatedLoader,
    ) -> Result<Burst, &'static str> {
        let sought: Vec<_> = changes.iter().map(SoughtChange::of_past).collect();
        let work: usize = sought.iter().map(|sought| sought.work(&scope.filter)).sum();
        if !may_be_matched(work, &requester(), &self.telling.matching) {
            return Err(TOO_COSTLY);
        }
        let Telling { renderer, seal, .. } = &self.telling;
        let encoded = sought.iter().filter_map(|sought| {
            let position = seal.seal(&sought.change.position);
            encode(scope, sought, leads, renderer, &position)
        });
        Ok(Burst::new(encoded.map(|encoded| encoded.named(name)).collect()))
    }

    /// Whether what the records of a scope are labelled by has changed in a stretch of the past.
    async fn is_renamed_between(
        &self,
        scope: &SubscriptionScope,
        since: &Position,
        until: &Position,
    ) -> Result<bool, &'static str> {
        let mut leads = RelatedLoader::default();
        for related in &scope.related {
            let table = &related.table.name;
            let replay =
                self.store.log().between(since, until, table).await.map_err(|_| NOT_NOW)?;
            match replay {
                Replay::Changes(changes) => {
                    let renamed = changes.iter().flat_map(|change| renamed(scope, change));
                    renamed.for_each(|renamed| leads.want_referrers(renamed));
                }
                Replay::Ahead => {}
                Replay::Gone | Replay::Much => return Ok(true),
            }
        }
        self.store.load(&mut leads).await.map_err(|_| NOT_NOW)?;
        Ok(leads.renamed().any(|renamed| leads.may_have_referrers(renamed)))
    }

    /// The records that those of some changes are labelled by in a scope.
    async fn leads_of(
        &self,
        scope: &SubscriptionScope,
        changes: &[Change],
    ) -> Result<RelatedLoader, &'static str> {
        let mut leads = RelatedLoader::default();
        for new in changes.iter().filter_map(|change| change.new.as_ref()) {
            scope.related.iter().for_each(|related| leads.request(related, &new[related.field]));
        }
        self.store.load(&mut leads).await.map_err(|_| NOT_NOW)?;
        Ok(leads)
    }

    /// The next part of the past, which goes up to `now` if it is the first, and how far the subscription
    /// has come with it.
    async fn part(
        &self,
        behind: &CatchUp,
        now: Position,
    ) -> Result<(Burst, CatchUp), &'static str> {
        let CatchUp { name, scope, since, sealed, rest, .. } = behind;
        let Rest { until, last } = rest.clone().unwrap_or(Rest { until: now, last: None });
        let table = &scope.table.name;
        match self.store.log().part((since, &until), last, table).await {
            Ok(Some(ReplayPart { changes, last })) => {
                let (known, at) = match last {
                    Some(_) => (since.clone(), sealed.clone()),
                    None => (until.clone(), self.telling.seal.seal(&until)),
                };
                // Only what is no component comes in parts, and has no labels.
                let burst = self.replayed(&changes, (name, scope), &RelatedLoader::default())?;
                let rest = last.map(|last| Rest { until, last: Some(last) });
                let next = CatchUp { since: known, rest, greeted: true, ..behind.clone() };
                Ok((burst, CatchUp { sealed: at, ..next }))
            }
            Ok(None) => Err(NOT_KEPT),
            Err(error) => {
                tracing::warn!("cannot replay changes: {error}");
                Err(NOT_NOW)
            }
        }
    }
}

const NOT_KEPT: &str = "the changes since then are no longer kept";
const NOT_NOW: &str = "the changes since then cannot be read now";

fn subscribed(scope: &SubscriptionScope, name: &Name, position: &SealedPosition) -> Message {
    let body = Body::Subscribed {
        table: scope.table.name.as_str(),
        subscription_id: name.id(),
        filter: scope.filter_json.as_ref(),
        fields: scope.fields.iter().map(|at| scope.table.field(at).name.as_str()).collect(),
        position,
        shape: scope.component.as_ref().map(|component| component.shape.as_str()),
    };
    Message::at(&body, name, position)
}
