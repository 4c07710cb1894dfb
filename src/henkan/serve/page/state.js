"use strict";
// What the page knows: scripts share it, and are loaded one after the other.

const $ = (id) => document.getElementById(id);
const TOOLS = {
  brush: ["Brush", "Brush over what is to go."],
  box: ["Select", "Drag a box around an object: it is found, and goes."],
  point: ["Point", "Click where you know the color."],
  stroke: ["Stroke", "Paint strokes of the colors that you want."],
  pen: ["Pen", "Draw on the picture, or on a blank page."],
  erase: ["Eraser", "Takes away what you have drawn."],
};
const COLORED = ["point", "stroke"];
const DELAY = 120, RETRY = 700, LARGEST_VIEW = 1400;
// A pixel of the picture is at most so many of the screen; from so many on it is seen as a square.
const CLOSEST = 16, SQUARE = 4;
// The longer side at which another picture's colors are looked at.
const STYLE = 512;

let offer, task, tool;
let source = null; // {bitmap, blob, name, width, height}
let strokes = [], undone = [], drawing = null;
let chosen = new Map(), results = new Map();
let running = null, timer = 0, stream = null;
// What both canvases show: the picture, `zoom` times larger, from a place on, in shares of its width and height.
let view = { zoom: 1, x: 0, y: 0 };
let style = null; // {blob}
