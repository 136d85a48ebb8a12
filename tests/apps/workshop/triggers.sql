-- Rules of the database's own: sqlite3 .pagetide/data.db < triggers.sql
create trigger if not exists line_amount_i after insert on "invoice-lines" begin
  update "invoice-lines" set amount = round(coalesce(pieces,0) * coalesce(unitPrice,0), 2) where id = new.id;
  update invoices set total = (select round(sum(amount),2) from "invoice-lines" where invoice = new.invoice) where id = new.invoice;
end;
create trigger if not exists line_amount_u after update of pieces, unitPrice on "invoice-lines" begin
  update "invoice-lines" set amount = round(coalesce(new.pieces,0) * coalesce(new.unitPrice,0), 2) where id = new.id;
  update invoices set total = (select round(sum(amount),2) from "invoice-lines" where invoice = new.invoice) where id = new.invoice;
end;
create trigger if not exists line_amount_d after delete on "invoice-lines" begin
  update invoices set total = (select round(sum(amount),2) from "invoice-lines" where invoice = old.invoice) where id = old.invoice;
end;
create trigger if not exists stock_used after insert on "part-uses" begin
  update parts set inStock = inStock - new.pieces where id = new.part;
end;
create trigger if not exists job_code after insert on jobs when new.code is null begin
  update jobs set code = substr(upper(hex(randomblob(8))), 1, 8) where id = new.id;
end;
