"""Boxes in files: every format tells the same, and what can't be is named with file and place."""

import json

import numpy as np
import pytest
from PIL import Image

from src.readers import boxes, headers
from src.readers.folders import OF_SPLIT
from src.specs import UNLABELLED

HEIGHT, WIDTH = 20, 32
NAMES = ("cat", "dog")
BOXES = {  # of each picture: class, top, left, bottom, right in pixels
    "a": [("dog", 2, 3, 10, 15), ("cat", 0, 0, 20, 32)],
    "b": [("cat", 5, 8, 15, 32)],
    "c": [],
}
OBJECT = (
    "<object><name>{0}</name><bndbox><xmin>{2}</xmin><ymin>{1}</ymin><xmax>{4}</xmax><ymax>{3}</ymax></bndbox></object>"
)


def picture(path, size=(HEIGHT, WIDTH), **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((*size, 3), "uint8")).save(path, **how)
    return path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def xml(path, objects, size=(HEIGHT, WIDTH)):
    """An annotation of VOC, whose pixels count from 1."""
    parts = [OBJECT.format(name, top + 1, left + 1, bottom, right) for name, top, left, bottom, right in objects]
    stated = f"<size><width>{size[1]}</width><height>{size[0]}</height></size>"
    return write(path, f"<annotation>{stated}{''.join(parts)}</annotation>")


def coco(pictures, ending=".png", size=(HEIGHT, WIDTH)):
    """The content of COCO's file of pictures, by name their boxes."""
    images = [
        {"id": number, "file_name": f"{name}{ending}", "height": size[0], "width": size[1]}
        for number, name in enumerate(pictures)
    ]
    annotations = [
        {"id": 10 * number + order, "image_id": number, "category_id": 3 + NAMES.index(kind), "bbox": box}
        for number, objects in enumerate(pictures.values())
        for order, (kind, top, left, bottom, right) in enumerate(objects)
        for box in [[left, top, right - left, bottom - top]]
    ]
    categories = [{"id": 3 + label, "name": name} for label, name in reversed([*enumerate(NAMES)])]
    return {"images": images, "annotations": annotations, "categories": categories}


def line(kind, top, left, bottom, right):
    centre = ((left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT)
    return f"{NAMES.index(kind)} {centre[0]} {centre[1]} {(right - left) / WIDTH} {(bottom - top) / HEIGHT}\n"


def outline(kind, top, left, bottom, right):
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return f"{NAMES.index(kind)} " + " ".join(f"{x / WIDTH} {y / HEIGHT}" for x, y in corners) + "\n"


def rows(header, row):
    cells = [row(name, *box) for name, objects in BOXES.items() for box in objects]
    return "\n".join([header, *cells, "c.png" + "," * header.count(",")])


def as_voc(root):
    for name, objects in BOXES.items():
        picture(root / f"JPEGImages/{name}.png")
        xml(root / f"Annotations/{name}.xml", objects)


def as_coco(root):
    write(root / "annotations/instances.json", coco(BOXES))


def as_yolo(root):
    for name, objects in BOXES.items():
        write(root / f"labels/{name}.txt", "".join(line(*box) for box in objects))
    write(root / "data.yaml", "nc: 2  # classes\nnames: ['cat', \"dog\"]\n")


def as_outlines(root):
    as_yolo(root)
    write(root / "labels/b.txt", "".join(outline(*box) for box in BOXES["b"]))


def as_edges(root):
    def row(name, kind, top, left, bottom, right):
        return f"{name}.png,{WIDTH},{HEIGHT},{kind},{left},{top},{right},{bottom}"

    write(root / "boxes.csv", rows("filename,width,height,class,xmin,ymin,xmax,ymax", row))


def as_corners(root):
    def row(name, kind, top, left, bottom, right):
        return f"images/{name}.png,{left},{top},{right - left},{bottom - top},{kind}"

    write(root / "boxes.csv", rows("image_path,x,y,width,height,label", row))


def as_fractions(root):
    def row(name, kind, top, left, bottom, right):
        return f"{name},{kind},{left / WIDTH},{right / WIDTH},{top / HEIGHT},{bottom / HEIGHT}"

    write(root / "boxes.csv", rows("ImageID,LabelName,XMin,XMax,YMin,YMax", row))


def as_text(root):
    def row(name, kind, top, left, bottom, right):
        return f'{name}.png,"[{left}, {top}, {right - left}, {bottom - top}]",{kind}'

    write(root / "boxes.csv", rows("image_id,bbox,class", row))


def fitted(root, format=None, classes=()):
    """The boxes of a folder, and the pictures' names, splits and classes."""
    folder, annotations = boxes.read(root, format, classes)
    examples = sorted(annotations.splits)
    looked_at = [headers.read(folder.pictures[number]) for number in examples]
    names = [folder.pictures[number].stem for number in examples]
    splits = [annotations.splits[number] for number in examples]
    return boxes.fit(annotations, examples, looked_at, ()), names, splits, annotations


FORMATS = (as_voc, as_coco, as_yolo, as_outlines, as_edges, as_corners, as_fractions, as_text)


@pytest.mark.parametrize("put", FORMATS, ids=lambda put: put.__name__)
def test_every_format_tells_the_same(put, tmp_path):
    for name in BOXES if put is not as_voc else ():
        picture(tmp_path / f"images/{name}.png")
    put(tmp_path)
    kept, names, splits, annotations = fitted(tmp_path)
    assert names == ["a", "b", "c"] and splits == ["train"] * 3 and annotations.names() == NAMES
    assert kept.box.shape == (3, 2, 4) and kept.box.dtype == "float32" and kept.label.dtype == "int32"
    assert kept.label.tolist() == [[1, 0], [0, UNLABELLED], [UNLABELLED, UNLABELLED]]
    for row, objects in zip(kept.box, BOXES.values(), strict=True):
        expected = np.zeros((2, 4))
        expected[: len(objects)] = np.reshape([box[1:] for box in objects], (-1, 4))
        np.testing.assert_allclose(row * (HEIGHT, WIDTH, HEIGHT, WIDTH), expected, atol=1e-4)
    assert not kept.bad and not kept.bad_pictures and kept.notes == ("1 of 3 pictures have no box",)


@pytest.mark.parametrize(
    ("image", "file"),
    [
        ("JPEGImages/{}/1.png", "Annotations/{}/1.xml"),
        ("{}/1.png", "{}/1.xml"),
        ("{}/images/1.png", "{}/labels/1.txt"),
        ("images/{}2017/1.png", "labels/{}2017/1.txt"),
        ("{}/1.png", "{}/_annotations.coco.json"),
        ("{}2017/1.png", "annotations/instances_{}2017.json"),
        ("{}/1.png", "{}/_annotations.csv"),
        ("images/{}_1.png", "{}_labels.csv"),
    ],
)
def test_folders_and_files_name_splits(image, file, tmp_path):
    for split in ("train", "val", "test"):
        path = picture(tmp_path / image.format(split))
        into = tmp_path / file.format(split)
        box = ("cat", 2, 3, 10, 15)
        if into.suffix == ".xml":
            xml(into, [box])
        elif into.suffix == ".json":
            write(into, coco({path.stem: [box]}))
        elif into.suffix == ".txt":
            write(into, line(*box))
        else:
            write(into, f"filename,class,xmin,ymin,xmax,ymax\n{path.name},cat,3,2,15,10\n")
    kept, _, splits, _ = fitted(tmp_path)
    assert sorted(splits) == ["test", "train", "validation"] and (kept.label == 0).all() and not kept.bad


def test_a_column_names_splits(tmp_path):
    for name in "abc":
        picture(tmp_path / f"{name}.png")
    rows = ["train,a.png,1,2,9,9", "VAL,b.png,1,2,9,9", "test,c.png,1,2,9,9", "test,b.png,4,2,9,9", "all,a.png,4,2,9,9"]
    write(tmp_path / "t.csv", "\n".join(["set,file,x1,y1,x2,y2", *rows]))
    kept, _, splits, annotations = fitted(tmp_path)
    assert splits == ["train", "validation", "test"] and annotations.names() == ("object",)
    assert kept.bad == (
        f"{tmp_path / 't.csv'}, row 4: puts a picture into test that another row puts into validation",
        f"{tmp_path / 't.csv'}, row 5: has the split 'all', which is none of {', '.join(OF_SPLIT)}",
    )


@pytest.mark.parametrize("main", ["train", "trainval"])
def test_lists_of_voc_name_splits(main, tmp_path):
    for name in "abcd":
        picture(tmp_path / f"JPEGImages/{name}.png")
        xml(tmp_path / f"Annotations/{name}.xml", [("cat" if name < "d" else "dog", 2, 3, 10, 15)])
    lists = {
        f"Main/{main}": "a",
        "Main/trainval": "a\nb" + "\nd" * (main == "train"),  # which tells nothing where there is a list of train
        "Main/val": "b",
        "Main/test": "c",
        "Main/cat_train": "d  1",
        "Layout/train": "c",
    }
    for name, text in lists.items():
        write(tmp_path / f"ImageSets/{name}.txt", text)
    _, names, splits, annotations = fitted(tmp_path)
    assert names == ["a", "b", "c"] and splits == ["train", "validation", "test"] and annotations.names() == ("cat",)
    assert annotations.notes == [f"left out: 1 pictures that no list names ({tmp_path / 'JPEGImages/d.png'})"]


@pytest.mark.parametrize(
    "text",
    [
        "train: ../first\nval: [second, third]\nnames: {0: cat, 1: dog}",
        "path: /home/me\ntrain:\n- first\nval: # both\n  - second\n  - third\ntest:\nnames:\n  0: cat # a\n  1: dog",
        "train: lists/a.txt\nval: lists/rest.txt\nnames:\n- 'cat'\n- dog\nroboflow:\n  workspace: mine",
        "train: [\n  first, # one\n]\nval: &rest\n- second\n- third\ntest: {epochs: 3}\nnames: {1: dog,\n 0: 'cat'}",
    ],
    ids=["inline", "block", "lists", "flow"],
)
def test_a_data_yaml_names_classes_and_splits(text, tmp_path):
    for folder in ("first", "second", "third"):
        picture(tmp_path / f"{folder}/{folder}.png")
        write(tmp_path / f"{folder}/{folder}.txt", line("dog", 2, 3, 10, 15))
    write(tmp_path / "lists/a.txt", "/home/me/first/first.png\n")
    write(tmp_path / "lists/rest.txt", "./second/second.png\nthird.png\ngone.png")
    write(tmp_path / "data.yaml", text)
    kept, _, splits, annotations = fitted(tmp_path)
    assert splits == ["train", "validation", "validation"] and annotations.names() == NAMES
    assert (kept.label == 1).all()


def test_lists_beside_labels_of_yolo_name_splits(tmp_path):
    for name in "ab":
        picture(tmp_path / f"obj_train_data/{name}.png")
        write(tmp_path / f"obj_train_data/{name}.txt", line("dog", 2, 3, 10, 15))
    write(tmp_path / "train.txt", "data/obj_train_data/a.png")
    write(tmp_path / "valid.txt", "data/obj_train_data/b.png")
    write(tmp_path / "obj.names", "cat\ndog\n")
    _, _, splits, annotations = fitted(tmp_path)
    assert splits == ["train", "validation"] and annotations.names() == NAMES


def test_classes_without_names_are_called_by_their_index(tmp_path):
    picture(tmp_path / "a.png")
    write(tmp_path / "a.txt", "2.0 0.5 0.5 0.5 0.5")
    kept, _, _, annotations = fitted(tmp_path)
    assert annotations.names() == ("class 0", "class 1", "class 2") and kept.label.tolist() == [[2]]


def test_given_classes_have_their_order(tmp_path):
    as_voc(tmp_path)
    kept, _, _, annotations = fitted(tmp_path, classes=("dog", "cat", "cow"))
    assert annotations.names() == ("dog", "cat", "cow") and kept.label[0].tolist() == [0, 1]


def test_a_category_that_sums_up_others_is_none(tmp_path):
    picture(tmp_path / "a.png")
    content = coco({"a": BOXES["a"]})
    content["categories"] += [{"id": 0, "name": "pets", "supercategory": "none"}]
    content["categories"][0]["supercategory"] = "pets"
    write(tmp_path / "_annotations.coco.json", content)
    assert fitted(tmp_path)[3].names() == NAMES


# What can't be used.


def one_xml(root, objects="", size=(HEIGHT, WIDTH)):
    picture(root / "1.png")
    xml(root / "0.xml", [("cat", 2, 3, 10, 15)])
    picture(root / "0.png")
    xml(root / "1.xml", [], size)
    text = (root / "1.xml").read_text()
    write(root / "1.xml", text.replace("</annotation>", f"{objects}</annotation>"))


def test_an_edge_at_the_border_is_inside(tmp_path):
    one_xml(tmp_path, OBJECT.format("cat", 0, 0, 21, 33))  # of a tool that counts from 0, or writes what is behind
    kept, *_ = fitted(tmp_path)
    assert kept.box[1].tolist() == [[0, 0, 1, 1]] and not kept.notes and not kept.bad


def test_a_box_that_reaches_out_is_clipped_with_a_word(tmp_path):
    one_xml(tmp_path, OBJECT.format("cat", 11, 17, 30, 40))
    kept, *_ = fitted(tmp_path)
    np.testing.assert_allclose(kept.box[1], [[0.5, 0.5, 1, 1]])
    place = f"{tmp_path / '1.xml'}, object 1"
    assert kept.notes == (f"1 of 2 boxes reach out of their picture, and are clipped ({place})",)


def test_a_box_that_is_there_twice_is_kept_once(tmp_path):
    one_xml(tmp_path, 2 * OBJECT.format("cat", 2, 3, 10, 15) + OBJECT.format("dog", 2, 3, 10, 15))
    kept, *_ = fitted(tmp_path)
    assert kept.label[1].tolist() == [0, 1]
    assert kept.notes == (f"1 of 4 boxes are there twice, and kept once ({tmp_path / '1.xml'}, object 2)",)


@pytest.mark.parametrize(
    ("element", "reason"),
    [
        (OBJECT.format("cat", 5, 7, 5, 7), "is too small, 1 x 1 pixels"),
        (OBJECT.format("cat", 9, 7, 5, 17), "is too small, -3 x 11 pixels"),
        (
            OBJECT.format("cat", 2, 40, 10, 60),
            "is outside of its picture of 20 x 32 pixels: rows 1 to 10, columns 39 to 60",
        ),
        (OBJECT.format("cow", 2, 3, 10, 15), "is of the class 'cow'; there are cat, dog"),
        (OBJECT.format("", 2, 3, 10, 15), "has no class"),
        (
            OBJECT.format("cat", 2, "three", 10, 15),
            "xmin, ymin, xmax, ymax have to be 4 numbers, not three, 2, 15, 10",
        ),
        (OBJECT.format("cat", 2, "nan", 10, 15), "xmin, ymin, xmax, ymax have to be 4 numbers, not nan, 2, 15, 10"),
        ("<object><name>cat</name></object>", "xmin, ymin, xmax, ymax have to be 4 numbers, not "),
    ],
)
def test_a_box_that_can_not_be_used_is_named(element, reason, tmp_path):
    one_xml(tmp_path, element)
    kept, names, _, _ = fitted(tmp_path, classes=NAMES)
    (bad,) = kept.bad
    assert bad.startswith(f"{tmp_path / '1.xml'}, object 1: {reason}")
    assert names == ["0", "1"] and (kept.label[1] == UNLABELLED).all(), "its picture stays"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("cat 0.5 0.5 0.5 0.5", "begins with 'cat', and not with the index of a class"),
        ("2 0.5 0.5 0.5 0.5", "is of the class 2; 2 are named, 0 to 1"),
        ("1 16 10 4 4", "has 16: the numbers are fractions of the picture's width and height, 0 to 1"),
        ("1 0.5 0.5 0.5", "x and y of the centre, width and height have to be 4 numbers, not 0.5, 0.5, 0.5"),
        ("1 0.5 0.5 0.5 0.5 0.9", "x and y of the centre, width and height have to be 4 numbers, not 0.5"),
        ("1 0.5 0.5 0 0.5", "is too small, 10 x 0 pixels"),
    ],
)
def test_a_line_that_can_not_be_used_is_named(text, reason, tmp_path):
    for name in BOXES:
        picture(tmp_path / f"images/{name}.png")
    as_yolo(tmp_path)
    write(tmp_path / "labels/b.txt", f"{line('cat', 2, 3, 10, 15)}\n{text}\n")
    (bad,) = fitted(tmp_path)[0].bad
    assert bad.startswith(f"{tmp_path / 'labels/b.txt'}, line 3: {reason}")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("a.png,cat,1,2,three,9", "left, top, right, bottom have to be 4 numbers, not 1, 2, three, 9"),
        ("a.png,cat,1,2,,9", "left, top, right, bottom have to be 4 numbers, not 1, 2, , 9"),
        ("a.png,,1,2,9,9", "has no class"),
        ("a.png,cat,1,2,9", "has 5 columns instead of 6"),
    ],
)
def test_a_row_that_can_not_be_used_is_named(row, reason, tmp_path):
    picture(tmp_path / "a.png")
    write(tmp_path / "t.csv", f"filename,class,xmin,ymin,xmax,ymax\na.png,cat,3,2,15,10\n{row}\n")
    (bad,) = fitted(tmp_path)[0].bad
    assert bad == f"{tmp_path / 't.csv'}, row 2: {reason}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"bbox": [1, 2, 3]}, "x, y, width, height have to be 4 numbers, not 1, 2, 3"),
        ({"bbox": None}, "x, y, width, height have to be 4 numbers, not none"),
        ({"bbox": [0, 0, 10**400, 1]}, "x, y, width, height have to be 4 numbers, not 0, 0, 1"),
        ({"category_id": 9}, "is of the category 9, which the file doesn't name"),
        ({"image_id": 9}, "is of the picture 9, which the file doesn't name"),
    ],
)
def test_an_annotation_of_coco_that_can_not_be_used_is_named(change, reason, tmp_path):
    picture(tmp_path / "a.png")
    content = coco({"a": BOXES["a"]})
    content["annotations"][1] |= change
    write(tmp_path / "coco.json", content)
    (bad,) = fitted(tmp_path)[0].bad
    assert bad.startswith(f"{tmp_path / 'coco.json'}, annotation 2: {reason}")


def test_crowds_and_pictures_that_are_not_there_are_left_out_of_coco(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "z.png")
    content = coco({"a": BOXES["a"], "gone": BOXES["b"]})
    content["annotations"][0]["iscrowd"] = 1
    write(tmp_path / "coco.json", content)
    kept, names, _, annotations = fitted(tmp_path)
    assert names == ["a"] and kept.label.tolist() == [[0]] and not kept.bad
    assert annotations.notes == [
        f"left out: 1 pictures that no file names ({tmp_path / 'z.png'})",
        "left out: 1 named pictures that aren't there (gone.png)",
        "left out: 1 boxes around crowds (iscrowd)",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<annotation><object>", "isn't XML: no element found"),
        ("<html></html>", "isn't an annotation of Pascal VOC: it begins with <html>"),
        (
            '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;">]><annotation>&y;</annotation>',
            "declares an entity, which an annotation has no use for",
        ),
    ],
)
def test_an_annotation_that_can_not_be_read_leaves_its_picture_out(text, reason, tmp_path):
    one_xml(tmp_path)
    write(tmp_path / "1.xml", text)
    kept, *_ = fitted(tmp_path)
    assert set(kept.bad_pictures) == {1} and f"{tmp_path / '1.xml'} {reason}" in kept.bad_pictures[1]


def test_boxes_of_another_size_are_of_another_picture(tmp_path):
    one_xml(tmp_path, OBJECT.format("cat", 2, 3, 10, 15), size=(WIDTH, HEIGHT))
    kept, *_ = fitted(tmp_path)
    assert (
        kept.bad_pictures == {1: "is 20 x 32 pixels, and its boxes were drawn on one of 32 x 20"}
        and kept.label[1, 0] < 0
    )


def test_boxes_go_with_a_picture_that_was_resized(tmp_path):
    one_xml(tmp_path, OBJECT.format("cat", 11, 17, 30, 48), size=(2 * HEIGHT, 2 * WIDTH))
    kept, *_ = fitted(tmp_path)
    np.testing.assert_allclose(kept.box[1], [[10 / 40, 16 / 64, 30 / 40, 48 / 64]])
    assert kept.notes == ("1 of 2 pictures were resized after their boxes were drawn, which go with them",)


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_on_what_is_stored_turn_with_the_picture(orientation, tmp_path):
    stored = np.zeros((HEIGHT, WIDTH, 3), "uint8")
    stored[2:6, 20:30] = 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(tmp_path / "1.png", exif=exif)
    xml(tmp_path / "1.xml", [("cat", 2, 20, 6, 30)])
    kept, *_ = fitted(tmp_path)
    with Image.open(tmp_path / "1.png") as opened:
        transposed = {5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE}
        seen = np.asarray(opened.transpose(transposed.get(orientation, Image.Transpose.ROTATE_90)))[..., 0]
    white_rows, white_columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    expected = [white_rows[0], white_columns[0], white_rows[-1] + 1, white_columns[-1] + 1]
    np.testing.assert_allclose(kept.box[0, 0] * (WIDTH, HEIGHT, WIDTH, HEIGHT), expected, atol=1e-4)
    assert kept.notes == ("boxes of 1 of 1 pictures were drawn on what is stored, and are turned with it (EXIF)",)


def test_boxes_on_what_is_seen_stay(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture(tmp_path / "1.jpg", exif=exif)
    xml(tmp_path / "1.xml", [("cat", 2, 4, 10, 15)], size=(WIDTH, HEIGHT))
    kept, *_ = fitted(tmp_path)
    np.testing.assert_allclose(kept.box, [[[2 / WIDTH, 4 / HEIGHT, 10 / WIDTH, 15 / HEIGHT]]])
    assert not kept.notes


@pytest.mark.parametrize("folders", [("JPEGImages", "Annotations"), ("", "")])
def test_what_stands_alone_is_told(folders, tmp_path):
    images, annotated = (tmp_path / folder for folder in folders)
    for name in "ab":
        picture(images / f"{name}.png")
        xml(annotated / f"{chr(ord(name) + 1)}.xml", BOXES["a"])
    _, names, _, annotations = fitted(tmp_path)
    assert names == ["b"] and annotations.notes == [
        f"left out: 1 pictures without an XML file ({images / 'a.png'})",
        f"left out: 1 XML files without a picture ({annotated / 'c.xml'})",
    ]


def test_a_picture_without_a_file_of_yolo_has_no_box(tmp_path):
    for name in (*BOXES, "empty"):
        picture(tmp_path / f"images/{name}.png")
    as_yolo(tmp_path)
    write(tmp_path / "labels/gone.txt", "")
    write(tmp_path / "labels/classes.txt", "cat\ndog")
    kept, names, _, annotations = fitted(tmp_path)
    assert "empty" in names and kept.notes == ("2 of 4 pictures have no box",)
    assert annotations.notes == [f"left out: 1 text files without a picture ({tmp_path / 'labels/gone.txt'})"]


def test_several_formats_are_asked_back_about(tmp_path):
    as_voc(tmp_path)
    as_edges(tmp_path)
    with pytest.raises(ValueError, match="boxes in several formats: say which, --format voc or --format csv"):
        boxes.read(tmp_path, None, ())
    assert len(fitted(tmp_path, "csv")[1]) == 3


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({}, "has pictures, but not an XML file called as a picture is, or "),
        ({"a.txt": ""}, "has no box in any of its pictures"),
        ({"c.json": '{"images": 1, "annotations": []'}, "c.json isn't JSON"),
        ({"c.json": '"images" "annotations"' + "[" * 100_000}, "c.json isn't JSON"),
        ({"c.json": '{"images": [], "annotations": []}'}, "c.json has no list 'categories'"),
        ({"c.json": '{"images": [{"id": 1}], "annotations": []}'}, "number 1 of 'images' needs 'id' and 'file_name'"),
        (
            {"a.txt": "0 .5 .5 .5 .5", "d.yaml": "names:\n  0: a\n  2: b"},
            "d.yaml, names: the numbers have to be 0 to 1",
        ),
        ({"a.txt": "0 .5 .5 .5 .5", "d.yaml": "names: [a, a]"}, "d.yaml names a class twice: a, a"),
        ({"a.txt": "0 .5 .5 .5 .5", "d.yaml": "names: [a, '']"}, "d.yaml, names: has to be a list of names"),
        ({"a.txt": "0 .5 .5 .5 .5", "d.yaml": "nc: 1\nnames: [a"}, "d.yaml, line 3: isn't YAML: did not find"),
        ({"a.txt": "0 .5 .5 .5 .5", "train.txt": "a.png", "val.txt": "a.png"}, "a.png is listed for train and for val"),
        ({"test.csv": "file,x1,y1,x2,y2\na.png,1,2,9,9"}, "has boxes for test, and none for train"),
    ],
)
def test_what_can_not_be_is_said(files, reason, tmp_path):
    picture(tmp_path / "a.png")
    for name, text in files.items():
        write(tmp_path / name, text)
    with pytest.raises(ValueError, match=reason.replace("(", r"\(")):
        boxes.read(tmp_path, None, ())


def test_a_table_of_boxes_is_asked_for_by_its_folder(tmp_path):
    write(tmp_path / "boxes.csv", "filename,xmin,ymin,xmax,ymax\n")
    with pytest.raises(ValueError, match=r"boxes\.csv is no folder: --path names the one with the pictures"):
        boxes.read(tmp_path / "boxes.csv", None, ())
