// The form of a child chooses the record of the page.
const id = location.pathname.split('/').pop();
for (const select of document.querySelectorAll('main form select[name=invoice], main form select[name=job]')) {
  select.value = id;
  if (select.value === id) select.closest('.pt-field').hidden = true;
}
