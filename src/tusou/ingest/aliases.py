"""The column names suppliers use, in Chinese and English, and the field each one fills."""

from __future__ import annotations

import re
from typing import Final

_TABLE: Final = """
item_id: item_id id itemid asset_id image_id imgid identifier sku 编号 图片编号 素材编号
    图片id 素材id
image: image file filename file_name path filepath file_path image_path
    image_file img 图片 图像 文件 文件名 路径 图片路径 文件路径 图片文件
url: url image_url img_url download_url original_url 图片地址 图片链接 图片网址 下载地址 下载链接
title: title name headline object_name 标题 题名 名称 图片标题
title_en: title_en en_title english_title name_en 英文标题
title_zh: title_zh zh_title title_cn chinese_title name_zh 中文标题
description: description caption captions desc abstract alt alt_text text
    sentences 描述 说明 图片说明 图片描述 简介 图说
description_en: description_en caption_en en english 英文描述 英文说明
description_zh: description_zh description_cn caption_zh zh cn chinese 中文描述 中文说明
keywords: keywords keyword tags tag subject subjects labels 关键词 关键字 标签
keywords_en: keywords_en tags_en 英文关键词 英文标签
keywords_zh: keywords_zh keywords_cn tags_zh 中文关键词 中文标签
creator: creator author artist photographer byline by_line 作者 摄影师 摄影 创作者 拍摄者
creator_url: creator_url author_url artist_url 作者主页 作者链接
credit: credit credit_line 署名 供稿
copyright: copyright copyright_notice rights 版权 版权声明 版权信息
license: license licence license_code license_name 许可 许可证 许可协议 授权 授权类型 授权方式
license_url: license_url licence_url 许可链接 许可证链接 授权链接
usage_terms: usage_terms terms rights_usage_terms 使用条款 使用范围 使用限制
model_release: model_release 肖像权 肖像授权 模特授权
property_release: property_release 物权 物权授权 财产授权
source_url: source_url source source_page page_url landing_page landing_url 来源
    来源页 来源链接 来源网址 网页
created: created date date_created created_at taken date_taken 拍摄时间 拍摄日期 创建时间
    创作日期 日期
"""

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    line.partition(":")[0]: tuple(line.partition(":")[2].split())
    for line in re.sub(r"\n +", " ", _TABLE).strip().splitlines()
}
"""Field to the column names understood for it, spelled as mapping.fold_name leaves them."""
