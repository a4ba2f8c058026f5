/* data-time-zone: a list of time zones that still shows its default gets the one of this browser, if it is listed. */
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;

for (const list of document.querySelectorAll("select[data-time-zone]")) {
  const untouched = [...list.options].every((option) => option.defaultSelected === option.selected);
  const known = [...list.options].some((option) => option.value === here);
  if (untouched && known && list.value === "UTC") list.value = here;
}
