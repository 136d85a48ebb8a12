-- Rules of the database's own: sqlite3 .pagetide/data.db < triggers.sql
create trigger if not exists closes before insert on attendees when datetime('now') > '2026-12-01' begin
  select raise(abort, 'Registration has closed.');
end;
create trigger if not exists place_or_waiting after insert on attendees when new.state = 'waiting' and (select count(*) from attendees where state = 'confirmed') < 120 begin
  update attendees set state = 'confirmed' where id = new.id;
end;
create trigger if not exists workshop_full before insert on attendees when new.workshop is not null and
  (select count(*) from attendees where workshop = new.workshop and state <> 'cancelled') >= (select places from sessions where id = new.workshop) begin
  select raise(abort, 'This workshop is full.');
end;
create trigger if not exists move_up after update of state on attendees when old.state = 'confirmed' and new.state = 'cancelled' begin
  update attendees set state = 'confirmed' where id = (select id from attendees where state = 'waiting' order by createdAt limit 1);
end;
