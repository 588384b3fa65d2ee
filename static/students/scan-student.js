// The current student and the student's devices.
import { scanStore } from "students/scan-store";
import { gettext as _ } from "web/translation";

const form = document.getElementById("scan");
const box = document.getElementById("student");
const part = (name) => box.querySelector(`[data-of="${name}"]`);

function item(device) {
  const row = document.createElement("li");
  const tag = Object.assign(document.createElement("a"), {
    className: "tag-name",
    href: form.dataset.devices.replace("TAG", encodeURIComponent(device.asset_tag)),
    textContent: device.asset_tag,
  });
  const facts = [device.model, device.due_date && _("due %(date)s", { date: device.due_date }), device.accessories.join(", ")].filter(Boolean).join(" · ");
  row.append(tag, " ", Object.assign(document.createElement("span"), { className: "quiet small", textContent: facts }));
  return row;
}

function draw() {
  const student = scanStore.panel;
  box.hidden = !student;
  if (!student) return;
  part("role").textContent = student.student_id === scanStore.chosen ? _("Devices are assigned to") : _("Student");
  Object.assign(part("name"), { textContent: student.name, href: form.dataset.students.replace("TAG", encodeURIComponent(student.student_id)) });
  const inactive = student.active ? "" : _("inactive");
  part("facts").textContent = [student.student_id, student.grade, student.homeroom, student.building, inactive].filter(Boolean).join(" · ");
  part("devices").replaceChildren(...student.devices.map(item));
  part("none").hidden = student.devices.length > 0;
}

export const scanStudent = {
  draw,
  show(student) {
    if (JSON.stringify(student) === JSON.stringify(scanStore.panel)) return draw();
    scanStore.panel = student;
    return draw();
  },
  // Updates the student shown; ignores data of another one, who was replaced since the request.
  renew(student) {
    if (student && student.student_id === scanStore.panel?.student_id) this.show(student);
  },
  // Deselects the student.
  clear() {
    scanStore.chosen = "";
    this.show(null);
  },
};
