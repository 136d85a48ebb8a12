//! The replay of missed changes: a subscription begins at a position in the past and goes live without a gap
//! and without a repetition.
//!
//! A replay contains each changed record once, as it is at the end of the replay. The states in between are
//! left out: a value may have been removed for good reason. The state before is left out too: if the client
//! was allowed to read it, the client has it.
//!
//! A short replay is sent at once. A long one is sent in parts, each after the one before has left the
//! outbox, so that no outbox has to hold all of it. After the last part, the changes made meanwhile are
//! replayed in the same way, until the rest is short and the subscription goes live.

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

/// The time after which a subscription that waits for the feed looks again at the position of the hub.
const CATCH_UP: Duration = Duration::from_secs(5);
/// The longest replay that is sent at once, in bytes. The rest of the outbox is left for changes that happen
/// meanwhile.
const MAX_AT_ONCE: usize = MAX_WAITING / 2;

/// The state of a subscription after a step of its replay.
pub(super) enum Started {
    /// It is live: it receives every later change.
    Live(Subscription),
    /// Part of its replay is still to be sent.
    Behind(CatchUp),
}

/// A subscription whose replay is not complete.
#[derive(Clone)]
pub(super) struct CatchUp {
    pub(super) name: Name,
    pub(super) scope: SubscriptionScope,
    /// The position from which the replay continues. While a replay is sent in parts, it is where the first
    /// part began.
    since: Position,
    /// The same position, sealed for the client.
    sealed: SealedPosition,
    /// The rest of a replay that is sent in parts. `None` if no part has been sent, or the last one has.
    rest: Option<Rest>,
    /// True once `subscribed` has been sent.
    greeted: bool,
    /// The message that follows the first `subscribed` of a connection.
    connected: Option<Message>,
}

/// The rest of a replay.
#[derive(Clone)]
struct Rest {
    /// The position at which the replay ends.
    until: Position,
    /// The last record, in the order of keys, that the parts so far cover. `None` before the first part.
    last: Option<RecordId>,
}

/// The changes that a subscription missed.
enum Backlog {
    /// All missed changes, to be sent at once.
    Told(Burst),
    /// The replay cannot end yet: the log holds a commit, or the client knows one, that the feed has not sent.
    Ahead,
    /// Too many changes to send at once.
    Much,
}

impl CatchUp {
    /// Returns the messages to send first: `subscribed`, and `connected` for the first subscription of a
    /// connection. Empty if they were sent.
    fn greeting(&self, position: &SealedPosition) -> Burst {
        if self.greeted {
            return Burst::new(Vec::new());
        }
        let subscribed = subscribed(&self.scope, &self.name, position);
        Burst::new(std::iter::once(subscribed).chain(self.connected.clone()).collect())
    }

    /// Drops the rest of the replay, and returns the `resync` message to send instead. The subscription
    /// continues from `position`; `sealed` is the same position for the client.
    pub(super) fn skip(&mut self, position: Position, sealed: SealedPosition) -> Message {
        let told = resync(&self.name, "this connection reads too slowly", &sealed);
        self.since = position;
        self.sealed = sealed;
        self.rest = None;
        self.greeted = true;
        told
    }

    /// The scope that the positions of this subscription move with.
    pub(super) fn reads(&self) -> ReadScope<'_> {
        self.scope.reads()
    }
}

impl Hub {
    /// Begins a subscription. Sends `subscribed`, then `connected` if that is given, then the changes after
    /// `since`, then all later changes.
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
        // Without `since` it begins at the end of the log. The feed may not have come that far, and would send
        // changes that were committed before the subscription.
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

    /// Sends the next part of a replay, or makes the subscription live. The outbox should be empty, since a
    /// part may fill a good deal of it.
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

    /// Sends the missed changes, or the next part of them. The subscription goes live once the feed has come as
    /// far as `here`, the end of the log when this step began.
    ///
    /// If it went live earlier, the feed would send it every state of the records between its position and
    /// `here`, and some of these states were replaced before the client subscribed.
    async fn catch_up(
        self: &Arc<Self>,
        (admission, outbox): (&ConnectionPermit, &Arc<Outbox>),
        behind: CatchUp,
        here: Option<Position>,
    ) -> Started {
        let mut told = self.position.subscribe();
        loop {
            // Join before reading the replay, or a change between the two would be lost. Until the subscription
            // goes live, its messages are held back, and the replay ends where it joined.
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
                        // A timeout is no failure: the loop looks again.
                        let _ = tokio::time::timeout(CATCH_UP, told.changed()).await;
                    }
                    continue;
                }
                // To read a component again costs less than a long replay.
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

    /// Makes a subscription live, after the bursts in `first`.
    fn go_live(&self, subscription: Subscription, first: [Burst; 2]) -> Started {
        self.lock().groups.go_live(&subscription.seat, &subscription.name, first);
        Started::Live(subscription)
    }

    /// Returns the changes up to `until` that a subscription missed.
    ///
    /// # Errors
    /// Fails with the reason for a `resync`, if the changes are not kept or cannot be matched.
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

    /// Encodes missed changes for a scope.
    ///
    /// # Errors
    /// [`TOO_COSTLY`] if matching them would exceed the limit of the requester of this task.
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

    /// Returns whether a label that a scope shows may have changed between two positions. Also `true` if the
    /// log cannot tell, or there are too many changes to look through.
    ///
    /// # Errors
    /// [`NOT_NOW`] if the database does not answer.
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

    /// Reads the related records that are needed to encode changes for a scope.
    ///
    /// # Errors
    /// [`NOT_NOW`] if the database does not answer.
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

    /// Returns the next part of a replay, and the subscription as it is after that part. The first part decides
    /// that the replay ends at `now`; later parts keep that end.
    ///
    /// # Errors
    /// Fails with the reason for a `resync`, if the changes are not kept or cannot be matched.
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
                // Parts go by the records' keys, not by time, so the position stays until the last part.
                let (known, at) = match last {
                    Some(_) => (since.clone(), sealed.clone()),
                    None => (until.clone(), self.telling.seal.seal(&until)),
                };
                // Only subscriptions to tables get their replay in parts, and they show no labels.
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

/// The reason of a `resync` to a client whose position is too old, or of another history of the log.
const NOT_KEPT: &str = "the changes since then are no longer kept";
/// The reason of a `resync` when the database does not answer.
const NOT_NOW: &str = "the changes since then cannot be read now";

/// Returns the message `subscribed`.
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
